/**
 * Everything that one service of the cluster set should be in this cluster, from one look at it. A pure function of what is observed:
 * it may be called as often as one likes, and each result brings the cluster nearer.
 *
 * Not here: who wins a conflict (merge/), which clusters are used (choose/), what the export says of itself (serviceexport/).
 */
import type { KubeObject } from '../../lib/kube/object.ts';
import type { ServiceRecord } from '../records.ts';
import type { EventWant, Observed, StatusWrite } from './observed.ts';

export interface ServicePlan {
  /** What this cluster tells the others; undefined withdraws it. */
  record: ServiceRecord | undefined;
  /** As they are to be, whole, in the order in which they are to be written. */
  apply: KubeObject[];
  /** The controller's own, no longer wanted, in the order in which they are to go: after all of `apply`. */
  prune: KubeObject[];
  statuses: StatusWrite[];
  events: EventWant[];
  /** When to look again though nothing changed, in wall-clock milliseconds. */
  requeueAt: number;
}

/** @param now wall-clock milliseconds */
export function planService(_observed: Observed, _now: number): ServicePlan {
  return { record: undefined, apply: [], prune: [], statuses: [], events: [], requeueAt: Infinity };
}
