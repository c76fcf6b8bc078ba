/**
 * Names of the external domain, as DNSEndpoints for external-dns: where each exported Service of type LoadBalancer and each exported
 * Ingress is reached, over all clusters. Pure.
 *
 *   <service>.<namespace>.<domain>   the load balancers of the clusters that export it
 *   hosts of Ingresses below the domain
 *
 * Invariants: only clusters that are live and can serve are named, and where none can, all that are known: a name never goes because
 * of an outage. One object for each name, all in one namespace. Before the other clusters had the time to speak nothing changes.
 */

import { isIPv4, isIPv6 } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { isHostPattern } from '../../../lib/text.ts';
import { WEIGHT_DEFAULT } from '../../merge/defaults.ts';
import { LABEL, MANAGER, shortHash } from '../../names.ts';
import type { ClusterView, ExternalAddress, IngressRecord, ServiceRecord } from '../../records.ts';

export interface ExternalObserved {
  /** The external domain, lower case, without the final dot. */
  domain: string;
  /** Where the DNSEndpoints are. */
  namespace: string;
  own: {
    clusterId: string;
    services: ReadonlyMap<string, ServiceRecord>;
    ingresses: ReadonlyMap<string, IngressRecord>;
  };
  /** The other clusters of the set. */
  clusters: readonly ClusterView[];
  isSettled: boolean;
  /** DNSEndpoints of `namespace` that carry our label. */
  present: readonly KubeObject[];
}

export interface ExternalFault {
  dnsName: string;
  /** A sentence. */
  message: string;
}

export interface ExternalPlan {
  apply: KubeObject[];
  prune: KubeObject[];
  /** What is left out, and why: sorted by name. */
  faults: ExternalFault[];
}

const API_VERSION = 'externaldns.k8s.io/v1alpha1';
/** Whose name it is: it stays so as long as that one claims it. */
const OWNER_ANNOTATION = 'skuprt.io/name-owner';
const TTL_SECONDS = 30;
/** Of Route 53, whose weights external-dns took over. */
const WEIGHT_MAX = 255;

/** Where a name leads in one cluster. */
interface Candidate {
  cluster: string;
  /** Whose name it is: `Service shop/web`, or `Ingress` of a namespace. */
  owner: string;
  canServe: boolean;
  addresses: readonly ExternalAddress[];
  weight: number | undefined;
}

type RecordType = 'A' | 'AAAA' | 'CNAME';

interface Endpoint {
  dnsName: string;
  recordType: RecordType;
  recordTTL: number;
  targets: string[];
  setIdentifier?: string;
  providerSpecific?: { name: string; value: string }[];
}

export function planDnsEndpoints(observed: ExternalObserved): ExternalPlan {
  if (!observed.isSettled) return { apply: [], prune: [], faults: [] };
  const faults: ExternalFault[] = [];
  const wanted = new Map<string, KubeObject>();
  const present = new Map(observed.present.map((object) => [object.metadata.name, object]));
  for (const [dnsName, all] of [...candidatesOf(observed, faults)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const before = present.get(objectName(dnsName))?.metadata.annotations?.[OWNER_ANNOTATION];
    const owner = ownerOf(dnsName, all, before, faults);
    const candidates = all.filter((candidate) => candidate.owner === owner);
    const endpoints = endpointsOf(dnsName, candidates, faults);
    if (endpoints.length === 0) continue;
    const object = dnsEndpoint(observed.namespace, dnsName, owner, endpoints);
    wanted.set(object.metadata.name, object);
  }
  return {
    apply: [...wanted.values()].filter((object) => !isThere(present.get(object.metadata.name), object)),
    prune: observed.present.filter(({ metadata }) => !wanted.has(metadata.name)),
    faults: faults.sort((a, b) => (a.dnsName < b.dnsName ? -1 : 1)),
  };
}

/** By name; clusters in the order of their ids. */
function candidatesOf({ domain, own, clusters }: ExternalObserved, faults: ExternalFault[]): Map<string, Candidate[]> {
  const views = [
    { id: own.clusterId, isLive: true, services: own.services, ingresses: own.ingresses },
    ...clusters.map(({ id, state, services, ingresses }) => ({ id, isLive: state === 'live', services, ingresses })),
  ].sort((a, b) => (a.id < b.id ? -1 : 1));
  const found = new Map<string, Candidate[]>();
  const add = (dnsName: string, candidate: Candidate) => {
    if (candidate.addresses.length > 0) found.set(dnsName, [...(found.get(dnsName) ?? []), candidate]);
  };
  const outside = new Set<string>();
  for (const { id: cluster, isLive, services, ingresses } of views) {
    for (const { namespace, name, external = [], ready, weight } of services.values()) {
      const dnsName = `${name}.${namespace}.${domain}`;
      const owner = `Service ${namespace}/${name}`;
      if (isHostPattern(dnsName))
        add(dnsName, { cluster, owner, canServe: isLive && ready > 0, addresses: external, weight });
    }
    for (const { namespace, hosts, addresses, isHealthy, weight } of ingresses.values()) {
      for (const host of hosts) {
        const isBelow = host.endsWith(`.${domain}`) && isHostPattern(host);
        if (isBelow)
          add(host, { cluster, owner: `Ingress ${namespace}`, canServe: isLive && isHealthy, addresses, weight });
        else outside.add(host);
      }
    }
  }
  faults.push(...[...outside].map((dnsName) => ({ dnsName, message: `this host is not a name below ${domain}` })));
  return found;
}

/** A host that Ingresses of two namespaces claim belongs to who had it first, the name of a Service to the Service. */
function ownerOf(
  dnsName: string,
  all: readonly Candidate[],
  before: string | undefined,
  faults: ExternalFault[],
): string {
  const owners = [...new Set(all.map(({ owner }) => owner))].sort();
  const first = before !== undefined && owners.includes(before) ? before : owners[0]!;
  const owner = owners.find((one) => one.startsWith('Service ')) ?? first;
  for (const other of owners) {
    if (other !== owner) faults.push({ dnsName, message: `${other} has it too, but it belongs to ${owner}` });
  }
  return owner;
}

function endpointsOf(dnsName: string, all: readonly Candidate[], faults: ExternalFault[]): Endpoint[] {
  const serving = all.filter(({ canServe }) => canServe);
  const candidates = serving.length > 0 ? serving : all;
  const hasIps = candidates.some(({ addresses }) => addresses.some((address) => 'ip' in address));
  const isWeighted = candidates.some(({ weight }) => weight !== undefined);
  const types: readonly RecordType[] = hasIps ? ['A', 'AAAA'] : ['CNAME'];
  const perCluster = [...byCluster(candidates)].map(([cluster, { addresses, weight }]) => ({
    cluster,
    weight,
    addresses,
  }));
  if (hasIps) {
    // A name cannot be an alias and have addresses.
    for (const { cluster, addresses } of perCluster) {
      if (addresses.every((address) => 'hostname' in address)) {
        faults.push({
          dnsName,
          message: `cluster ${cluster} has a host name only and others have addresses: it is left out`,
        });
      }
    }
  }
  const aliases = hasIps
    ? []
    : targetsOf(
        perCluster.flatMap(({ addresses }) => addresses),
        'CNAME',
      );
  // An alias leads to one name; several are alternatives.
  if (!isWeighted && aliases.length < 2) {
    const addresses = perCluster.flatMap((one) => one.addresses);
    return types.flatMap((recordType) => endpoint(dnsName, recordType, targetsOf(addresses, recordType)));
  }
  const heaviest = Math.max(...perCluster.map(({ weight = WEIGHT_DEFAULT }) => weight));
  return perCluster.flatMap(({ cluster, addresses, weight = WEIGHT_DEFAULT }) =>
    types.flatMap((recordType) => {
      const targets = targetsOf(addresses, recordType);
      const set = {
        setIdentifier: cluster,
        providerSpecific: [{ name: 'aws/weight', value: scaled(weight, heaviest) }],
      };
      return endpoint(dnsName, recordType, recordType === 'CNAME' ? targets.slice(0, 1) : targets, set);
    }),
  );
}

/** A cluster may have several Ingresses for one host: they count as one. */
function byCluster(candidates: readonly Candidate[]): Map<string, Pick<Candidate, 'addresses' | 'weight'>> {
  const found = new Map<string, Pick<Candidate, 'addresses' | 'weight'>>();
  for (const { cluster, addresses, weight } of candidates) {
    const before = found.get(cluster);
    const heavier = Math.max(before?.weight ?? 0, weight ?? 0);
    found.set(cluster, {
      addresses: [...(before?.addresses ?? []), ...addresses],
      weight: heavier === 0 ? undefined : heavier,
    });
  }
  return found;
}

function targetsOf(addresses: readonly ExternalAddress[], type: RecordType): string[] {
  const all = addresses.flatMap((address) => {
    if ('hostname' in address) return type === 'CNAME' && isHostPattern(address.hostname) ? [address.hostname] : [];
    const isWanted = (type === 'A' && isIPv4(address.ip)) || (type === 'AAAA' && isIPv6(address.ip));
    return isWanted ? [address.ip] : [];
  });
  return [...new Set(all)].sort();
}

function endpoint(dnsName: string, recordType: RecordType, targets: string[], set?: Partial<Endpoint>): Endpoint[] {
  return targets.length === 0 ? [] : [{ dnsName, recordType, recordTTL: TTL_SECONDS, targets, ...set }];
}

/** Shares stay what they are where one is above the highest weight. */
function scaled(weight: number, heaviest: number): string {
  const factor = Math.min(1, WEIGHT_MAX / heaviest);
  return String(Math.max(1, Math.round(weight * factor)));
}

function objectName(dnsName: string): string {
  return `skuprt-${shortHash(dnsName)}`;
}

function dnsEndpoint(namespace: string, dnsName: string, owner: string, endpoints: Endpoint[]): KubeObject {
  return {
    apiVersion: API_VERSION,
    kind: 'DNSEndpoint',
    metadata: {
      name: objectName(dnsName),
      namespace,
      labels: { [LABEL.managedBy]: MANAGER },
      annotations: { [OWNER_ANNOTATION]: owner },
    },
    spec: { endpoints },
  };
}

/** external-dns writes into the status only, but the API server may have defaults for members. */
function isThere(present: KubeObject | undefined, wanted: KubeObject): boolean {
  return (
    present !== undefined &&
    present.metadata.labels?.[LABEL.managedBy] === MANAGER &&
    present.metadata.annotations?.[OWNER_ANNOTATION] === wanted.metadata.annotations?.[OWNER_ANNOTATION] &&
    isDeepStrictEqual(present.spec, wanted.spec)
  );
}
