/**
 * The endpoints of a Service in this cluster, out of its EndpointSlices: one for each pod, whatever the number of slices and families
 * that it is in. Pure.
 */

import type { KubeObject } from '../../../lib/kube/object.ts';
import { compareText, isDnsLabel } from '../../../lib/text.ts';
import type { IpFamily } from '../../records.ts';
import { familyOf, fieldsOf, listOf, textOf, textsOf } from '../fields.ts';

export interface LocalEndpoint {
  /** One DNS label. `undefined`: the pod has none, its addresses name it. */
  hostname: string | undefined;
  /** `ready` of the slice: with publishNotReadyAddresses always. */
  isReady: boolean;
  addresses: { family: IpFamily; address: string }[];
}

/** What one pod is asked for by: its hostname with all its addresses, or else each address by itself, as a cluster's own DNS has it. */
export interface EndpointName {
  /** One DNS label. */
  hostname: string;
  /** Of the address that is the name. */
  family: IpFamily | undefined;
  addresses: string[];
}

export function namesOf({ hostname, addresses }: LocalEndpoint): EndpointName[] {
  if (hostname !== undefined) {
    return [{ hostname, family: undefined, addresses: addresses.map(({ address }) => address) }];
  }
  return addresses.map(({ address, family }) => ({ hostname: dashed(address), family, addresses: [address] }));
}

/** Sorted by their first name. `ipFamilies`: of the Service, in which order the addresses of one are. */
export function localEndpoints(slices: readonly KubeObject[], ipFamilies: readonly IpFamily[]): LocalEndpoint[] {
  const found = new Map<string, { hostname: string | undefined; isReady: boolean; addresses: Map<string, IpFamily> }>();
  for (const slice of slices) {
    if (slice.metadata.deletionTimestamp !== undefined) continue;
    for (const endpoint of listOf(slice.endpoints)) {
      // Each endpoint is one pod, its addresses are interchangeable: the first one counts.
      const [address] = textsOf(endpoint.addresses);
      const family = address === undefined ? undefined : familyOf(address);
      if (address === undefined || family === undefined) continue;
      const hostname = textOf(endpoint.hostname);
      const key = identityOf(endpoint) ?? `address/${address}`;
      const entry = found.get(key) ?? { hostname: undefined, isReady: false, addresses: new Map<string, IpFamily>() };
      found.set(key, entry);
      if (hostname !== undefined && isDnsLabel(hostname)) entry.hostname = hostname;
      if (fieldsOf(endpoint.conditions).ready !== false) entry.isReady = true;
      entry.addresses.set(address, family);
    }
  }
  return [...found.values()]
    .map(({ hostname, isReady, addresses }) => {
      const rank = (family: IpFamily) => (ipFamilies.indexOf(family) + 3) % 3;
      const sorted = [...addresses]
        .map(([address, family]) => ({ address, family }))
        .sort((a, b) => rank(a.family) - rank(b.family) || compareText(a.address, b.address));
      return { hostname, isReady, addresses: sorted };
    })
    .sort(
      (a, b) =>
        compareText(firstName(a), firstName(b)) || compareText(a.addresses[0]!.address, b.addresses[0]!.address),
    );
}

function firstName({ hostname, addresses }: LocalEndpoint): string {
  return hostname ?? dashed(addresses[0]!.address);
}

/** The pod behind it, the same in the slices of both families. Endpoints that somebody wrote by hand have none. */
function identityOf(endpoint: Readonly<Record<string, unknown>>): string | undefined {
  const { uid, namespace, kind, name } = fieldsOf(endpoint.targetRef);
  if (textOf(uid) !== undefined) return `uid/${uid}`;
  return textOf(name) === undefined ? undefined : `name/${kind}/${namespace}/${name}`;
}

/** As a cluster's own DNS names pods without a hostname: `10-0-0-1`, `fd00--1`. A label begins and ends with a letter or a digit. */
export function dashed(address: string): string {
  return address.toLowerCase().replace(/[.:]/g, '-').replace(/^-/, '0-').replace(/-$/, '-0');
}

/** Of the address that `hostname` stands for; `undefined` when it stands for none: the pod has a name of its own. */
export function familyOfName(hostname: string): IpFamily | undefined {
  if (familyOf(hostname.replaceAll('-', '.')) === 'IPv4') return 'IPv4';
  return familyOf(hostname.replaceAll('-', ':')) === 'IPv6' ? 'IPv6' : undefined;
}

/**
 * Distinct endpoints that are ready. Those without a pod behind them may be in the slices of both families, which cannot be seen; what
 * the larger of the two families has is counted.
 */
export function readyCount(endpoints: readonly LocalEndpoint[]): number {
  const ready = endpoints.filter(({ isReady }) => isReady);
  const dual = ready.filter(({ addresses }) => new Set(addresses.map(({ family }) => family)).size > 1).length;
  const only = (wanted: IpFamily) =>
    ready.filter(({ addresses }) => addresses.every(({ family }) => family === wanted)).length;
  return dual + Math.max(only('IPv4'), only('IPv6'));
}
