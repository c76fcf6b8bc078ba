/**
 * What this cluster tells the others of a Service that it exports: a ServiceRecord, such that their exchange takes it
 * (exchange/record.ts). What does not fit is left out and named; traffic of the rest goes on. Pure.
 */

import type { KubeObject } from '../../../lib/kube/object.ts';
import { isDnsLabel, isDnsName } from '../../../lib/text.ts';
import { LIMITS } from '../../exchange/limits.ts';
import type {
  ClusterSelector,
  ExternalAddress,
  IpFamily,
  PodRecord,
  PortRecord,
  Protocol,
  ServiceRecord,
} from '../../records.ts';
import { familyOf, fieldsOf, listOf, portOf, textOf, textsOf } from '../fields.ts';
import { PODS_PER_CLUSTER_MAX } from '../limits.ts';
import type { Observed } from '../observed.ts';
import { exportSettings, withoutAbsent } from './annotations.ts';
import { type LocalEndpoint, localEndpoints, namesOf, readyCount } from './endpoints.ts';
import { exportedMaps } from './exported-maps.ts';

export interface Built {
  record: ServiceRecord;
  /** What is left out, and which defaults are used. */
  faults: string[];
}

/** Longest of the domains that clusters answer for by default. */
const DOMAIN = 'svc.supercluster.local';
const DNS_NAME_LENGTH_MAX = 253;
const PROTOCOLS: readonly unknown[] = ['TCP', 'UDP', 'SCTP'] satisfies Protocol[];
const AFFINITY_TIMEOUT_SECONDS_MAX = 86_400;
/** Of a policy's name. */
const WORD = /^[A-Za-z0-9][-A-Za-z0-9._/]{0,62}$/;
const APP_PROTOCOL = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** `since`: milliseconds since 1970. `service` and `made` are valid: own-record.ts looked at them. */
export function serviceRecord(observed: Observed, service: KubeObject, made: KubeObject, since: number): Built {
  const spec = fieldsOf(service.spec);
  const ipFamilies = ipFamiliesOf(spec);
  const endpoints = localEndpoints(observed.slices, ipFamilies);
  const isHeadless = spec.clusterIP === 'None';
  const faults: string[] = [];
  const { settings, faults: settingFaults } = exportSettings(made);
  const { labels, annotations, faults: mapFaults } = exportedMaps(made);
  const record: ServiceRecord = {
    namespace: observed.namespace,
    name: observed.name,
    uid: made.metadata.uid ?? '',
    since,
    type: isHeadless ? 'Headless' : 'ClusterSetIP',
    ports: portsOf(spec, faults),
    ipFamilies,
    ...affinityOf(spec),
    internalTrafficPolicy: wordOf(spec.internalTrafficPolicy),
    trafficDistribution: wordOf(spec.trafficDistribution),
    labels,
    annotations,
    clusterSelectors: isHeadless ? undefined : selectorsOf(made),
    ...settings,
    ready: Math.min(readyCount(endpoints), LIMITS.readyMax),
    pods: isHeadless ? podsOf(observed, endpoints, faults) : undefined,
    external: externalOf(service),
  };
  return { record: withoutAbsent(record), faults: [...faults, ...settingFaults, ...mapFaults] };
}

/** A Service without any port is headless; a port whose form the API server would not take comes from no API server. */
function portsOf(spec: Readonly<Record<string, unknown>>, faults: string[]): PortRecord[] {
  const ports = listOf(spec.ports).flatMap(({ name = '', protocol = 'TCP', port, appProtocol }): PortRecord[] => {
    const number = portOf(port);
    const isNamed = typeof name === 'string' && (name === '' || isDnsLabel(name));
    if (number === undefined || !isNamed || !PROTOCOLS.includes(protocol)) return [];
    const isUsable = typeof appProtocol === 'string' && APP_PROTOCOL.test(appProtocol);
    const extra = isUsable ? { appProtocol: appProtocol as string } : {};
    return [{ name, protocol: protocol as Protocol, port: number, ...extra }];
  });
  const seen = new Set<string>();
  const unique = ports.filter(({ name, protocol, port }) => {
    const keys = [`name/${name}`, `${protocol}/${port}`];
    return !keys.some((key) => seen.has(key)) && keys.every((key) => seen.add(key));
  });
  if (unique.length > LIMITS.portCountMax) {
    faults.push(`it has ${unique.length} ports, the first ${LIMITS.portCountMax} are exported`);
  }
  return unique.slice(0, LIMITS.portCountMax);
}

/** In the order of the Service. One that has none yet, as an API server of one family would give them. */
function ipFamiliesOf(spec: Readonly<Record<string, unknown>>): IpFamily[] {
  const named = textsOf(spec.ipFamilies).filter((family) => family === 'IPv4' || family === 'IPv6');
  const seen = textsOf(spec.clusterIPs).flatMap((address) => familyOf(address) ?? []);
  const families = [...new Set(named.length > 0 ? named : seen)];
  return families.length > 0 ? families : ['IPv4'];
}

function affinityOf(
  spec: Readonly<Record<string, unknown>>,
): Pick<ServiceRecord, 'sessionAffinity' | 'sessionAffinityTimeoutSeconds'> {
  if (spec.sessionAffinity !== 'ClientIP') return { sessionAffinity: 'None' };
  const { timeoutSeconds } = fieldsOf(fieldsOf(spec.sessionAffinityConfig).clientIP);
  const isUsable = Number.isInteger(timeoutSeconds) && (timeoutSeconds as number) >= 1;
  return {
    sessionAffinity: 'ClientIP',
    ...(isUsable && {
      sessionAffinityTimeoutSeconds: Math.min(timeoutSeconds as number, AFFINITY_TIMEOUT_SECONDS_MAX),
    }),
  };
}

function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' && WORD.test(value) ? value : undefined;
}

/** Known to be without fault. Only members that are known: others compare them as text. */
function selectorsOf(made: KubeObject): ClusterSelector[] | undefined {
  const list = fieldsOf(made.spec).clusterSelectors as ClusterSelector[] | undefined;
  if (!list?.length) return undefined;
  return list.map(({ propertySelector: { matchProperties, matchExpressions } }) => ({
    propertySelector: {
      ...(matchProperties && { matchProperties: { ...matchProperties } }),
      ...(matchExpressions?.length && {
        matchExpressions: matchExpressions.map(({ key, operator, values }) => ({
          key,
          operator,
          ...(values?.length && { values: [...values] }),
        })),
      }),
    },
  }));
}

/** Pods that share a hostname are one name with several addresses; the bound is of pods, some of which have two names. */
function podsOf(observed: Observed, endpoints: readonly LocalEndpoint[], faults: string[]): PodRecord[] {
  const found = new Map<string, PodRecord>();
  const seen = new Set<string>();
  let podCount = 0;
  for (const endpoint of endpoints) {
    const names = namesOf(endpoint);
    if (!names.some(({ hostname }) => seen.has(hostname))) podCount += 1;
    for (const { hostname } of names) seen.add(hostname);
    if (podCount > PODS_PER_CLUSTER_MAX) continue;
    for (const { hostname, family } of names) {
      const before = found.get(hostname);
      const ready = endpoint.isReady || (before?.ready ?? false);
      const isOfFamily = family !== undefined && (before === undefined || before.family === family);
      found.set(hostname, { hostname, ready, ...(isOfFamily && { family }) });
    }
  }
  if (podCount > PODS_PER_CLUSTER_MAX) {
    faults.push(`it has ${podCount} pods, the first ${PODS_PER_CLUSTER_MAX} by name are exported`);
  }
  const kept = [...found.values()];
  const long = kept.filter(({ hostname }) => podName(observed, hostname).length > DNS_NAME_LENGTH_MAX);
  if (long.length > 0) {
    faults.push(
      `the names of ${long.length} pods are longer than ${DNS_NAME_LENGTH_MAX} characters and cannot be asked for, as that of ${long[0]!.hostname}`,
    );
  }
  return kept;
}

function podName({ clusterId, name, namespace }: Observed, hostname: string): string {
  return [hostname, clusterId, name, namespace, DOMAIN].join('.');
}

function externalOf(service: KubeObject): ExternalAddress[] | undefined {
  if (fieldsOf(service.spec).type !== 'LoadBalancer') return undefined;
  const found = listOf(fieldsOf(fieldsOf(service.status).loadBalancer).ingress).flatMap((entry): ExternalAddress[] => {
    const ip = textOf(entry.ip);
    if (ip !== undefined && familyOf(ip) !== undefined) return [{ ip }];
    const hostname = textOf(entry.hostname)?.toLowerCase().replace(/\.$/, '');
    return hostname !== undefined && isDnsName(hostname) ? [{ hostname }] : [];
  });
  return found.length > 0 ? found.slice(0, LIMITS.externalCountMax) : undefined;
}
