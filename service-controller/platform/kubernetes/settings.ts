/**
 * How a service-controller was set up: flags, or their environment variables, into frozen values. Pure. Every fault is listed at once,
 * because a controller that does not start is corrected in a manifest far away.
 */

import { isIP } from 'node:net';
import { SkuprtError } from '../../../lib/errors.ts';
import { isDnsLabel, isDnsName } from '../../../lib/text.ts';
import { CLUSTER_SET_DEFAULT } from '../../names.ts';
import { familyOf } from '../../reconcile/fields.ts';
import type { IpFamily } from '../../records.ts';

export class ServiceSettingsError extends SkuprtError {
  readonly code = 'SKUPRT_SERVICE_SETTINGS';
  readonly fault = 'caller';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The service-controller cannot be set up like this:\n${faults.map((fault) => `  ${fault}`).join('\n')}`, {
      next: 'Correct the flags or the environment of its Deployment',
    });
    this.faults = faults;
  }
}

export interface RouterAddress {
  family: IpFamily;
  address: string;
}

export interface ServiceSettings {
  /** Where the controller runs, and has its Lease. */
  namespace: string;
  /** Name of the pod; empty outside of one. */
  pod: string;
  /** Of a cluster that has no ClusterProperty yet; empty: the name of the Site that carries the services. */
  clusterId: string;
  clusterSet: string;
  /** Undefined: the Service of the carrying site's router, with TLS. */
  router: { host: string; port: number } | undefined;
  /** In place of the addresses of router pods, where there are none. */
  routerAddresses: readonly RouterAddress[];
  /** Says good-bye at each end, so that the others withdraw at once. */
  leaveOnStop: boolean;
  /** Of DNSEndpoints; empty: none are made. */
  externalDomain: string;
}

interface Setting {
  env: string;
  default: string;
}

/** Flag, without its dashes, to the variable that stands for it. The flag wins. */
export const SERVICE_FLAGS = {
  namespace: { env: 'NAMESPACE', default: '' },
  'cluster-id': { env: 'SKUPRT_CLUSTER_ID', default: '' },
  'cluster-set': { env: 'SKUPRT_CLUSTER_SET', default: CLUSTER_SET_DEFAULT },
  router: { env: 'SKUPRT_ROUTER', default: '' },
  'router-addresses': { env: 'SKUPRT_ROUTER_ADDRESSES', default: '' },
  'leave-on-stop': { env: 'SKUPRT_LEAVE_ON_STOP', default: 'false' },
  'external-domain': { env: 'SKUPRT_EXTERNAL_DOMAIN', default: '' },
} as const satisfies Readonly<Record<string, Setting>>;

export type ServiceFlag = keyof typeof SERVICE_FLAGS;
/** By name without dashes; `true` for a flag that was given without a value. */
export type ServiceFlags = Readonly<Partial<Record<ServiceFlag, string | boolean>>>;

const isDomain = (text: string) => text.includes('.') && isDnsName(text);
const SET_LENGTH_MAX = 128;
const ADDRESSES_MAX = 16;

/** `namespace` is that of the pod when neither flag nor NAMESPACE says. @throws ServiceSettingsError with every fault */
export function serviceSettings(
  flags: ServiceFlags,
  env: Readonly<NodeJS.ProcessEnv>,
  podNamespace?: string,
): ServiceSettings {
  const read = new Reader(flags, env);
  const namespace = read.matching('namespace', isDnsLabel, 'a name of lower-case letters, digits and hyphens');
  if (namespace === '' && !podNamespace) read.fault('namespace', 'must be given: where the controller runs');
  const clusterSet = read.text('cluster-set');
  if (clusterSet.length > SET_LENGTH_MAX) read.fault('cluster-set', `must have at most ${SET_LENGTH_MAX} characters`);
  const settings: ServiceSettings = {
    namespace: namespace || podNamespace || '',
    pod: env.HOSTNAME ?? '',
    clusterId: read.matching(
      'cluster-id',
      isDnsLabel,
      'one DNS label: lower-case letters, digits, hyphens, at most 63',
    ),
    clusterSet,
    router: routerOf(read),
    routerAddresses: addressesOf(read),
    leaveOnStop: read.flag('leave-on-stop'),
    externalDomain: read.matching('external-domain', isDomain, 'a DNS name such as example.com'),
  };
  if (read.faults.length > 0) throw new ServiceSettingsError(read.faults);
  return Object.freeze(settings);
}

/** Reads values and keeps what is wrong with them. */
class Reader {
  readonly faults: string[] = [];
  private readonly flags: ServiceFlags;
  private readonly env: Readonly<NodeJS.ProcessEnv>;

  constructor(flags: ServiceFlags, env: Readonly<NodeJS.ProcessEnv>) {
    this.flags = flags;
    this.env = env;
  }

  text(flag: ServiceFlag): string {
    const given = this.flags[flag];
    if (given !== undefined) return String(given).trim();
    const { env, default: value } = SERVICE_FLAGS[flag];
    return this.env[env]?.trim() || value;
  }

  /** Where the value came from stands first, so that it can be found. */
  fault(flag: ServiceFlag, message: string): void {
    this.faults.push(`${this.flags[flag] === undefined ? SERVICE_FLAGS[flag].env : `--${flag}`}: ${message}`);
  }

  matching(flag: ServiceFlag, isGood: (text: string) => boolean, what: string): string {
    const text = this.text(flag);
    if (text !== '' && !isGood(text)) this.fault(flag, `"${text}" must be ${what}`);
    return text;
  }

  flag(flag: ServiceFlag): boolean {
    const text = this.text(flag).toLowerCase();
    if (['true', '1', 't'].includes(text)) return true;
    if (!['false', '0', 'f'].includes(text)) this.fault(flag, `"${text}" must be true or false`);
    return false;
  }
}

/** Plainly only over loopback: nothing guards such a connection. */
function routerOf(read: Reader): ServiceSettings['router'] {
  const text = read.text('router');
  if (text === '') return undefined;
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    read.fault('router', `"${text}" must be HOST:PORT`);
    return undefined;
  }
  if (!isLoopback(host)) read.fault('router', `"${text}" must be of this machine: the connection has no TLS`);
  return { host, port };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function addressesOf(read: Reader): RouterAddress[] {
  const parts = read.text('router-addresses').split(',');
  const texts = [...new Set(parts.map((part) => part.trim()).filter((part) => part !== ''))];
  if (texts.length > ADDRESSES_MAX) read.fault('router-addresses', `at most ${ADDRESSES_MAX} addresses`);
  return texts.flatMap((address) => {
    const family = familyOf(address);
    if (family === undefined) read.fault('router-addresses', `"${address}" must be an IP address`);
    return family === undefined ? [] : [{ family, address }];
  });
}
