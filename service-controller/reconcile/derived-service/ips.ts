/**
 * The clusterset IPs: addresses of the derived Service, which the API server gives. Pure.
 *
 * They stay for the life of the import: families that were given are never taken back from the derived Service, also when the merged
 * service has fewer later, and the order is that of the derived Service.
 */
import type { Merged } from '../../merge/merge.ts';
import { derivedName } from '../../names.ts';
import type { IpFamily } from '../../records.ts';
import { familyOf, fieldsOf, textsOf } from '../fields.ts';
import type { Observed } from '../observed.ts';

export interface ClusterIp {
  family: IpFamily;
  address: string;
}

export interface ClusterIps {
  /** Families that the derived Service is to have; empty when this cluster has none of the service's. */
  wanted: IpFamily[];
  /** Families that the derived Service has. */
  given: IpFamily[];
  /** Of the import: its addresses, empty until they are given. */
  ips: string[];
  /** Of the import, in the order of `ips`. */
  families: IpFamily[];
}

export function clusterIpsOf(observed: Observed, { type, ipFamilies }: Merged): ClusterIps {
  const name = derivedName(observed.namespace, observed.name);
  const service = observed.derived.find(({ metadata }) => metadata.name === name);
  const given = type === 'Headless' || service === undefined ? [] : addressesOf(service.spec);
  // Of a headless service: those of its pods.
  const seen = type === 'Headless' ? observed.derived.flatMap(({ spec }) => addressesOf(spec)) : given;
  const able = familiesHere(observed, seen);
  const wanted = ipFamilies.filter((family) => able === undefined || able.includes(family));
  if (type === 'Headless')
    return { wanted, given: [], ips: [], families: wanted.length > 0 ? wanted : [...ipFamilies] };
  const fitting = given.filter(({ family }) => wanted.includes(family));
  const shown = fitting.length > 0 ? fitting : given;
  const families = shown.length > 0 ? shown.map(({ family }) => family) : wanted.length > 0 ? wanted : [...ipFamilies];
  return { wanted, given: given.map(({ family }) => family), ips: shown.map(({ address }) => address), families };
}

/** Of a Service, one a family. */
export function addressesOf(spec: unknown): ClusterIp[] {
  const { clusterIPs, clusterIP } = fieldsOf(spec);
  const texts = Array.isArray(clusterIPs) ? textsOf(clusterIPs) : textsOf([clusterIP]);
  const found = new Map<IpFamily, ClusterIp>();
  for (const address of texts) {
    const family = familyOf(address);
    if (family !== undefined && !found.has(family)) found.set(family, { family, address });
  }
  return [...found.values()];
}

/** What this cluster can do, as far as can be seen: by the routers' pods, else by what was given before, else by its own Service. */
function familiesHere({ carrier, service }: Observed, given: readonly ClusterIp[]): readonly IpFamily[] | undefined {
  if (carrier !== undefined && carrier.ipFamilies.length > 0) return carrier.ipFamilies;
  if (given.length > 0) return given.map(({ family }) => family);
  const own = textsOf(fieldsOf(service?.spec).ipFamilies).filter(
    (family): family is IpFamily => family === 'IPv4' || family === 'IPv6',
  );
  return own.length > 0 ? own : undefined;
}
