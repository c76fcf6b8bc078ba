/**
 * How a controller was set up: flags of the names that Skupper's controller has, or their environment variables, into settings.
 * Pure. Every fault is listed at once, because a controller that does not start is corrected in a manifest far away.
 * Control-plane reference 2.1, 4.1, 4.4.
 */

import { SkuprtError } from '../../../lib/errors.ts';
import { suggestion } from '../../../lib/suggest.ts';
import { isDnsLabel } from '../../../lib/text.ts';
import { ACCESS_TYPES, type ControllerSettings } from '../../reconcile/settings.ts';

export class SettingsError extends SkuprtError {
  readonly code = 'SKUPRT_CONTROLLER_SETTINGS';
  readonly fault = 'caller';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The controller cannot be set up like this:\n${faults.map((fault) => `  ${fault}`).join('\n')}`, {
      next: 'Correct the flags or the environment of its Deployment',
    });
    this.faults = faults;
  }
}

interface Setting {
  env: string;
  default: string;
}

/** Flag, without its dashes, to the variable that stands for it. The flag wins. */
export const CONTROLLER_FLAGS = {
  namespace: { env: 'NAMESPACE', default: '' },
  'watch-namespace': { env: 'WATCH_NAMESPACE', default: '' },
  name: { env: 'CONTROLLER_NAME', default: '' },
  'require-explicit-control': { env: 'REQUIRE_EXPLICIT_CONTROL', default: 'false' },
  'disable-security-context': { env: 'DISABLE_SECURITY_CONTEXT', default: 'false' },
  routers: { env: 'SKUPRT_ROUTERS', default: 'deployment' },
  'router-image': { env: 'SKUPPER_ROUTER_IMAGE', default: '' },
  'router-image-pull-policy': { env: 'SKUPPER_ROUTER_IMAGE_PULL_POLICY', default: 'IfNotPresent' },
  'kube-adaptor-image': { env: 'SKUPPER_KUBE_ADAPTOR_IMAGE', default: '' },
  'kube-adaptor-image-pull-policy': { env: 'SKUPPER_KUBE_ADAPTOR_IMAGE_PULL_POLICY', default: 'IfNotPresent' },
  'enabled-access-types': { env: 'SKUPPER_ENABLED_ACCESS_TYPES', default: 'local,loadbalancer,route' },
  'default-access-type': { env: 'SKUPPER_DEFAULT_ACCESS_TYPE', default: '' },
  'cluster-host': { env: 'SKUPPER_CLUSTER_HOST', default: '' },
  'ingress-domain': { env: 'SKUPPER_INGRESS_DOMAIN', default: '' },
  'ingress-class-name': { env: 'SKUPPER_INGRESS_CLASS_NAME', default: '' },
  'http-proxy-domain': { env: 'SKUPPER_HTTP_PROXY_DOMAIN', default: '' },
  'gateway-class': { env: 'SKUPPER_GATEWAY_CLASS', default: '' },
  'gateway-domain': { env: 'SKUPPER_GATEWAY_DOMAIN', default: '' },
  'gateway-port': { env: 'SKUPPER_GATEWAY_PORT', default: '8443' },
  'enable-grants': { env: 'SKUPPER_ENABLE_GRANTS', default: 'false' },
  'grant-server-autoconfigure': { env: 'SKUPPER_GRANT_SERVER_AUTOCONFIGURE', default: 'false' },
  'grant-server-base-url': { env: 'SKUPPER_GRANT_SERVER_BASE_URL', default: '' },
  'grant-server-port': { env: 'SKUPPER_GRANT_SERVER_PORT', default: '9090' },
  'grant-server-tls-credentials': { env: 'SKUPPER_GRANT_SERVER_TLS_CREDENTIALS', default: 'skupper-grant-server' },
} as const satisfies Readonly<Record<string, Setting>>;

export type ControllerFlag = keyof typeof CONTROLLER_FLAGS;
/** By name without dashes; `true` for a flag that was given without a value. */
export type ControllerFlags = Readonly<Partial<Record<ControllerFlag, string | boolean>>>;

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];

/** `namespace` is that of the pod when neither flag nor NAMESPACE says. @throws SettingsError with every fault */
export function controllerSettings(
  flags: ControllerFlags,
  env: Readonly<NodeJS.ProcessEnv>,
  podNamespace?: string,
): ControllerSettings {
  const read = new Reader(flags, env);
  const namespace = read.name('namespace') || podNamespace || '';
  if (namespace === '') read.fault('namespace', 'must be given: the namespace that the controller runs in');
  const name = `${namespace}/${read.name('name') || nameFromPod(env.HOSTNAME)}`;
  const settings: ControllerSettings = {
    name,
    namespace,
    pod: env.HOSTNAME ?? '',
    watchNamespace: read.name('watch-namespace') || undefined,
    requireExplicitControl: read.flag('require-explicit-control'),
    routers: read.choice('routers', ['deployment', 'external'] as const),
    routerImage: read.text('router-image'),
    routerImagePullPolicy: read.choice('router-image-pull-policy', PULL_POLICIES),
    adaptorImage: read.text('kube-adaptor-image') || read.text('router-image'),
    adaptorImagePullPolicy: read.choice('kube-adaptor-image-pull-policy', PULL_POLICIES),
    disableSecurityContext: read.flag('disable-security-context'),
    enabledAccessTypes: read.list('enabled-access-types'),
    defaultAccessType: read.text('default-access-type'),
    clusterHost: read.text('cluster-host'),
    ingressDomain: read.text('ingress-domain'),
    ingressClassName: read.text('ingress-class-name'),
    httpProxyDomain: read.text('http-proxy-domain'),
    gatewayClass: read.text('gateway-class'),
    gatewayDomain: read.text('gateway-domain'),
    gatewayPort: read.port('gateway-port'),
    enableGrants: read.flag('enable-grants'),
    grantServer: {
      autoconfigure: read.flag('grant-server-autoconfigure'),
      baseUrl: baseUrl(read),
      port: read.port('grant-server-port'),
      tlsCredentials: read.text('grant-server-tls-credentials'),
    },
  };
  checkImages(read, settings);
  checkAccess(read, settings);
  if (read.faults.length > 0) throw new SettingsError(read.faults);
  return settings;
}

/** Reads values and keeps what is wrong with them. */
class Reader {
  readonly faults: string[] = [];
  private readonly flags: ControllerFlags;
  private readonly env: Readonly<NodeJS.ProcessEnv>;

  constructor(flags: ControllerFlags, env: Readonly<NodeJS.ProcessEnv>) {
    this.flags = flags;
    this.env = env;
  }

  text(flag: ControllerFlag): string {
    const given = this.flags[flag];
    if (given !== undefined) return String(given).trim();
    const { env, default: value } = CONTROLLER_FLAGS[flag];
    return this.env[env]?.trim() || value;
  }

  /** Where the value came from stands first, so that it can be found. */
  fault(flag: ControllerFlag, message: string): void {
    const { env } = CONTROLLER_FLAGS[flag];
    this.faults.push(`${this.flags[flag] === undefined ? env : `-${flag}`}: ${message}`);
  }

  flag(flag: ControllerFlag): boolean {
    const text = this.text(flag).toLowerCase();
    if (['true', '1', 't'].includes(text)) return true;
    if (!['false', '0', 'f'].includes(text)) this.fault(flag, `"${text}" must be true or false`);
    return false;
  }

  port(flag: ControllerFlag): number {
    const text = this.text(flag);
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65_535) this.fault(flag, `"${text}" must be a port from 1 to 65535`);
    return port;
  }

  list(flag: ControllerFlag): string[] {
    const parts = this.text(flag).split(',');
    return [...new Set(parts.map((part) => part.trim()).filter((part) => part !== ''))];
  }

  name(flag: ControllerFlag): string {
    const text = this.text(flag);
    if (text !== '' && !isDnsLabel(text))
      this.fault(flag, `"${text}" must be lower-case letters, digits and hyphens, at most 63`);
    return text;
  }

  choice<Value extends string>(flag: ControllerFlag, values: readonly Value[]): Value {
    const text = this.text(flag);
    const found = values.find((value) => value === text);
    if (found === undefined) this.fault(flag, `"${text}" must be one of ${values.join(', ')}`);
    return found ?? values[0]!;
  }
}

function checkImages(read: Reader, { routers, routerImage }: ControllerSettings): void {
  if (routers === 'deployment' && routerImage === '') read.fault('router-image', 'must be given: the image of routers');
}

function checkAccess(read: Reader, settings: ControllerSettings): void {
  const { enabledAccessTypes: enabled, defaultAccessType, clusterHost, gatewayClass } = settings;
  const known: readonly string[] = ACCESS_TYPES;
  for (const type of enabled.filter((candidate) => !known.includes(candidate))) {
    read.fault(
      'enabled-access-types',
      `"${type}" is not an access type${suggestion(type, known)}; there are ${known.join(', ')}`,
    );
  }
  if (defaultAccessType !== '' && !enabled.includes(defaultAccessType)) {
    const list = enabled.join(', ') || 'none';
    read.fault('default-access-type', `"${defaultAccessType}" is not among the enabled access types: ${list}`);
  }
  for (const type of ['nodeport', 'host']) {
    if (enabled.includes(type) && clusterHost === '')
      read.fault('cluster-host', `must be given for access type ${type}: a host by which nodes are reached`);
  }
  if (enabled.includes('gateway') && gatewayClass === '')
    read.fault('gateway-class', 'must be given for access type gateway');
}

function baseUrl(read: Reader): string {
  const text = read.text('grant-server-base-url');
  if (text === '') return '';
  // Skupper takes host:port as well.
  const url = text.includes('://') ? text : `https://${text}`;
  if (URL.canParse(url) && new URL(url).protocol === 'https:') return url.replace(/\/+$/, '');
  read.fault('grant-server-base-url', `"${text}" must be https://HOST:PORT`);
  return '';
}

/** `skupper-controller-6d5f4b8c9d-x2x7k` is of Deployment `skupper-controller`. */
function nameFromPod(podName = ''): string {
  return podName.replace(/-[a-z0-9]{6,10}-[a-z0-9]{5}$/, '') || 'skupper-controller';
}
