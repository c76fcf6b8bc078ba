/** In what exports of one service disagree with the oldest of them: reasons of reference 1.4, and texts for people. Pure. */
import type { ServiceRecord } from '../records.ts';
import { affinityTimeoutSeconds } from './defaults.ts';
import type { Conflict, ConflictReason, Exporter } from './merge.ts';
import { canonical, isSame } from './order.ts';

interface Property {
  reason: ConflictReason;
  /** As it is called in the Service or the ServiceExport. */
  field: string;
  /** Of the winner, when it is short. */
  shown?: (record: ServiceRecord) => string;
  agrees: (winner: ServiceRecord, other: ServiceRecord) => boolean;
  /** Compared between exports of different types too. */
  isOfAnyType?: boolean;
  /** Without effect on headless services, so nobody loses anything. */
  isOfClusterIpOnly?: boolean;
}

/** Exports agree when this of them is equal. */
const same = (part: (record: ServiceRecord) => unknown) => (winner: ServiceRecord, other: ServiceRecord) =>
  isSame(part(winner), part(other));

/** A Service that says nothing has this. */
const INTERNAL_TRAFFIC_POLICY_DEFAULT = 'Cluster';

const internalTrafficPolicy = (record: ServiceRecord) =>
  record.internalTrafficPolicy ?? INTERNAL_TRAFFIC_POLICY_DEFAULT;
const trafficDistribution = (record: ServiceRecord) => record.trafficDistribution ?? 'none';
const sorted = (ports: ServiceRecord['ports']) => ports.map(canonical).sort();
const timeoutSeconds = (record: ServiceRecord) => String(affinityTimeoutSeconds(record));

const PROPERTIES: readonly Property[] = [
  {
    reason: 'TypeConflict',
    field: 'type',
    shown: ({ type }) => type,
    agrees: same(({ type }) => type),
    isOfAnyType: true,
  },
  // Also a set that only has more: some clusters cannot serve all ports.
  {
    reason: 'PortConflict',
    field: 'ports',
    agrees: (winner, other) => isSame(winner.ports, other.ports) || isSame(sorted(winner.ports), sorted(other.ports)),
  },
  {
    reason: 'SessionAffinityConflict',
    field: 'sessionAffinity',
    shown: ({ sessionAffinity }) => sessionAffinity,
    agrees: same(({ sessionAffinity }) => sessionAffinity),
    isOfClusterIpOnly: true,
  },
  {
    reason: 'SessionAffinityConfigConflict',
    field: 'sessionAffinityConfig.clientIP.timeoutSeconds',
    shown: timeoutSeconds,
    // A timeout means something only beside a timeout.
    agrees: (winner, other) =>
      winner.sessionAffinity === 'None' ||
      other.sessionAffinity === 'None' ||
      timeoutSeconds(winner) === timeoutSeconds(other),
    isOfClusterIpOnly: true,
  },
  {
    reason: 'InternalTrafficPolicyConflict',
    field: 'internalTrafficPolicy',
    shown: internalTrafficPolicy,
    agrees: same(internalTrafficPolicy),
  },
  {
    reason: 'TrafficDistributionConflict',
    field: 'trafficDistribution',
    shown: trafficDistribution,
    agrees: same(trafficDistribution),
  },
  {
    reason: 'IPFamilyConflict',
    field: 'ipFamilies',
    shown: ({ ipFamilies }) => ipFamilies.join(','),
    // Who has more families than the merged service loses nothing: all its endpoints are reached over those it shares.
    agrees: (winner, other) => winner.ipFamilies.every((family) => other.ipFamilies.includes(family)),
  },
  {
    reason: 'LabelsConflict',
    field: 'exportedLabels',
    agrees: same(({ labels }) => labels ?? {}),
    isOfAnyType: true,
  },
  {
    reason: 'AnnotationsConflict',
    field: 'exportedAnnotations',
    agrees: same(({ annotations }) => annotations ?? {}),
    isOfAnyType: true,
  },
  {
    reason: 'ClusterSelectorsConflict',
    field: 'clusterSelectors',
    agrees: same(({ clusterSelectors }) => clusterSelectors ?? []),
    isOfClusterIpOnly: true,
  },
];

/** `exporters`: one a cluster, the oldest first. In the order of `PROPERTIES`. */
export function conflictsOf(exporters: readonly Exporter[]): Conflict[] {
  const [winner, ...others] = exporters;
  if (!winner) return [];
  return PROPERTIES.flatMap((property): Conflict[] => {
    if (property.isOfClusterIpOnly && winner.record.type === 'Headless') return [];
    const clusters = others
      .filter(({ record }) => property.isOfAnyType || record.type === winner.record.type)
      .filter(({ record }) => !property.agrees(winner.record, record))
      .map(({ cluster }) => cluster)
      .sort();
    if (clusters.length === 0) return [];
    const value = property.shown ? `${property.shown(winner.record)} of cluster` : 'that of cluster';
    const message = `${property.field}: ${value} ${winner.cluster}, the oldest export, wins; ${clusters.length}/${exporters.length} clusters disagree`;
    return [{ reason: property.reason, winner: winner.cluster, clusters, message }];
  });
}
