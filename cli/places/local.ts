/**
 * A local site: its resources are files, and a site process acts on them. Commands only write what a user wants
 * (input/resources); the process writes everything else.
 */
import { join } from 'node:path';
import type { ResourceOf } from '../../config/api/index.ts';
import type { Secret } from '../../config/api/secret.ts';
import { readIfExists } from '../../lib/files.ts';
import { readMachineId } from '../../site-controller/grants/token.ts';
import { tlsSecret } from '../../site-controller/pki/secret.ts';
import { runningSite } from '../../site-controller/platform/local/lock.ts';
import { dataHomeOf, type SitePaths, sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { type Context, commandLine } from '../context.ts';
import { UsageError } from '../errors.ts';
import type { NetworkView } from '../output/network.ts';
import { type NetworkStatus, viewOf } from '../output/network-status.ts';
import type { Workload } from '../parse.ts';
import type { Idle, Place } from './place.ts';
import { hostTarget, type Target } from './workload.ts';

export class LocalPlace implements Place {
  readonly platform = 'local';
  readonly paths: SitePaths;
  readonly resources: LocalStore;
  private readonly context: Context;

  constructor(context: Context) {
    this.context = context;
    this.paths = sitePaths(dataHomeOf(context.env), context.namespace);
    const { tracer } = context;
    const onWrite = (verb: string, key: string) => {
      const [kind, name = ''] = key.split('/');
      tracer?.done(`${verb} ${kind}`, { kind: 'internal', attributes: { 'skuprt.name': name } }, 0);
    };
    this.resources = new LocalStore(this.paths, { tracer, onWrite });
  }

  async idle(): Promise<Idle | undefined> {
    if ((await siteProcess(this)) !== undefined) return undefined;
    return {
      reason: `the site of namespace "${this.context.namespace}" does not run`,
      next: `Start it: ${commandLine(this.context, 'site start')}`,
    };
  }

  async faults(): Promise<string[]> {
    const files = await this.resources.faults();
    return files.flatMap(({ file, faults }) =>
      faults.map(({ path, message }) => `${file}: ${path === '' ? '' : `${path} `}${message}`),
    );
  }

  async network(site: ResourceOf<'Site'>): Promise<NetworkView | undefined> {
    const text = await readIfExists(this.paths.networkStatus);
    return text === undefined ? undefined : viewOf(JSON.parse(text) as NetworkStatus, site.metadata.uid ?? '');
  }

  async serves(entityName: string): Promise<boolean> {
    const text = await readIfExists(this.paths.routerConfig);
    const entities = text === undefined ? [] : (JSON.parse(text) as [type: string, attributes: { name?: string }][]);
    return entities.some(([, { name = '' }]) => name === entityName || name.startsWith(`${entityName}@`));
  }

  async credential(name: string): Promise<Secret | undefined> {
    const read = (file: string) => readIfExists(join(this.paths.runtimeCerts, name, file));
    const [ca, certificate, privateKey] = await Promise.all([read('ca.crt'), read('tls.crt'), read('tls.key')]);
    if (ca === undefined || certificate === undefined || privateKey === undefined) return undefined;
    return tlsSecret(name, { ca, certificate, privateKey });
  }

  async target({ kind, name }: Workload): Promise<Target> {
    if (kind === 'host') return hostTarget(name);
    throw new UsageError(`A local site cannot expose a ${kind}: it connects to hosts`, {
      next: 'Give host/ADDRESS, such as host/127.0.0.1; workloads of a cluster need a site in that cluster',
    });
  }

  machineId(): Promise<string | undefined> {
    return readMachineId();
  }
}

export function openLocal(context: Context): LocalPlace {
  return new LocalPlace(context);
}

/** The process id of the site of this namespace, when it runs. */
export async function siteProcess(local: LocalPlace): Promise<number | undefined> {
  return await runningSite(local.paths.sitePid);
}
