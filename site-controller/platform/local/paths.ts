/**
 * Where a local site keeps its files (control-plane reference 5.1):
 *
 *   <data home>/skuprt/ports/<port>                 who on this machine was given which port
 *   <data home>/skuprt/namespaces/<ns>/input/       what the user wants; the controller never writes here
 *   <data home>/skuprt/namespaces/<ns>/runtime/     what the controller made of it, with status
 *   <data home>/skuprt/namespaces/<ns>/internal/    pid files, logs
 *
 * Removing the namespace's directory removes the site.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Files beside the site's copies that the services of the cluster set keep. */
export const SERVICE_FILE_NAME = /^(ServiceExport|ServiceImport|EndpointSlice)-.*\.yaml$/;

export interface SitePaths {
  readonly namespace: string;
  readonly root: string;
  readonly ports: string;
  readonly inputResources: string;
  readonly inputCerts: string;
  readonly runtimeResources: string;
  readonly runtimeCerts: string;
  readonly routerConfig: string;
  /** Redemptions of each grant. */
  readonly grants: string;
  readonly faults: string;
  readonly networkStatus: string;
  /** Certificate requests whose answer has not come. */
  readonly requests: string;
  readonly sitePid: string;
  readonly routerPid: string;
  readonly siteLog: string;
  readonly routerLog: string;
  /** Where the process answers questions about services of the cluster set. */
  readonly servicesAddress: string;
  /** The id under which the site takes part in the cluster set. */
  readonly servicesCluster: string;
  /** Exists while the site is ready. */
  readonly ready: string;
  /** Of the console, while one runs: its address, with the token that opens it. */
  readonly consoleAddress: string;
}

/** `$XDG_DATA_HOME`, or ~/.local/share; relative values are ignored, as the XDG specification says. */
export function dataHomeOf(env: NodeJS.ProcessEnv): string {
  const given = env.XDG_DATA_HOME;
  return given?.startsWith('/') ? given : join(homedir(), '.local', 'share');
}

/** The directory that holds one directory per namespace. */
export function namespacesDir(dataHome: string): string {
  return join(dataHome, 'skuprt', 'namespaces');
}

export function sitePaths(dataHome: string, namespace: string): SitePaths {
  const root = join(namespacesDir(dataHome), namespace);
  return {
    namespace,
    root,
    ports: join(dataHome, 'skuprt', 'ports'),
    inputResources: join(root, 'input', 'resources'),
    inputCerts: join(root, 'input', 'certs'),
    runtimeResources: join(root, 'runtime', 'resources'),
    runtimeCerts: join(root, 'runtime', 'certs'),
    routerConfig: join(root, 'runtime', 'router', 'skrouterd.json'),
    grants: join(root, 'runtime', 'grants'),
    faults: join(root, 'runtime', 'faults.json'),
    networkStatus: join(root, 'runtime', 'network-status.json'),
    requests: join(root, 'internal', 'requests'),
    sitePid: join(root, 'internal', 'site.pid'),
    routerPid: join(root, 'internal', 'router.pid'),
    siteLog: join(root, 'internal', 'site.log'),
    routerLog: join(root, 'internal', 'router.log'),
    servicesAddress: join(root, 'internal', 'services.address'),
    servicesCluster: join(root, 'internal', 'services.cluster'),
    ready: join(root, 'internal', 'ready'),
    consoleAddress: consoleAddressFile(dataHome, 'local', namespace),
  };
}

/** Of a console that runs on this machine, of whatever site. */
export function consoleAddressFile(dataHome: string, platform: string, namespace: string): string {
  return join(dataHome, 'skuprt', 'console', `${platform}-${namespace}.url`);
}
