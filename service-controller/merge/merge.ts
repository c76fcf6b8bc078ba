/**
 * One service of the cluster set out of all its exports (KEP-1645 "Constraints and conflict resolution"). Pure, independent of the
 * order in which the exports are given, and idempotent: each cluster computes the same from the same records, without a hub.
 *
 * Invariants:
 * - The oldest export, by `since` and then by the id of its cluster, decides each property that can have one value only.
 *   An export that is added is the youngest (since.ts), so that a conflict which appears changes no running traffic.
 * - An export of another type than the merged one stays an export and shows the conflict, but adds neither ports nor endpoints:
 *   a Service without an address of its own does not translate ports, so that what its ports mean is not what they mean in the others.
 * - Nothing is dropped without a conflict that says so.
 */
import type { ClusterSelector, IpFamily, PortRecord, ServiceRecord, ServiceType } from '../records.ts';
import { conflictsOf } from './conflicts.ts';
import { affinityTimeoutSeconds, LOCAL_MINIMUM_DEFAULT, LOCALITY_DEFAULT } from './defaults.ts';
import { byAge } from './order.ts';
import { mergePorts } from './ports.ts';

/** An export and the cluster that has it. */
export interface Exporter {
  cluster: string;
  record: ServiceRecord;
}

export type ConflictReason =
  | 'PortConflict'
  | 'TypeConflict'
  | 'SessionAffinityConflict'
  | 'SessionAffinityConfigConflict'
  | 'LabelsConflict'
  | 'AnnotationsConflict'
  | 'InternalTrafficPolicyConflict'
  | 'TrafficDistributionConflict'
  | 'IPFamilyConflict'
  | 'ClusterSelectorsConflict';

export interface Conflict {
  reason: ConflictReason;
  /** Id of the cluster whose value holds. */
  winner: string;
  /** That disagree with it, sorted. */
  clusters: string[];
  /** The field, who wins, and how many disagree. */
  message: string;
}

export interface MergedPort extends PortRecord {
  /** Whose endpoints serve this port, sorted. */
  clusters: string[];
}

export interface Merged {
  type: ServiceType;
  /** Unique by name, and by protocol and number. Those of the oldest export first, in its order. */
  ports: MergedPort[];
  ipFamilies: IpFamily[];
  sessionAffinity: 'None' | 'ClientIP';
  /** With ClientIP, always. */
  sessionAffinityTimeoutSeconds?: number;
  internalTrafficPolicy?: string;
  trafficDistribution?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  clusterSelectors?: ClusterSelector[];
  locality: 'local-first' | 'none';
  localMinimum: number;
  /** Id of the cluster whose export is the oldest. */
  oldest: string;
  /** That export it, sorted, also those of another type. */
  clusters: string[];
  conflicts: Conflict[];
}

/** `undefined` when nobody exports it. Of several records of one cluster the oldest counts. */
export function mergeExports(exporters: readonly Exporter[]): Merged | undefined {
  const ordered = byAge(exporters);
  const [oldest] = ordered;
  if (!oldest) return undefined;
  const { cluster, record } = oldest;
  const merged: Merged = {
    type: record.type,
    ports: mergePorts(ordered.filter(({ record: { type } }) => type === record.type)),
    ipFamilies: [...new Set(record.ipFamilies)],
    sessionAffinity: record.sessionAffinity,
    labels: { ...record.labels },
    annotations: { ...record.annotations },
    // Both are about how a cluster uses what it has, so that a difference takes nothing from anyone: no conflict.
    locality: record.locality ?? LOCALITY_DEFAULT,
    localMinimum: record.localMinimum ?? LOCAL_MINIMUM_DEFAULT,
    oldest: cluster,
    clusters: ordered.map((exporter) => exporter.cluster).sort(),
    conflicts: conflictsOf(ordered),
  };
  if (record.sessionAffinity === 'ClientIP') merged.sessionAffinityTimeoutSeconds = affinityTimeoutSeconds(record);
  if (record.internalTrafficPolicy !== undefined) merged.internalTrafficPolicy = record.internalTrafficPolicy;
  if (record.trafficDistribution !== undefined) merged.trafficDistribution = record.trafficDistribution;
  if (record.type === 'ClusterSetIP' && record.clusterSelectors?.length) {
    merged.clusterSelectors = structuredClone(record.clusterSelectors);
  }
  return merged;
}
