/**
 * Everything that one service of the cluster set should be in this cluster, from one look at it. A pure function of what is observed:
 * it may be called as often as one likes, and each result brings the cluster nearer.
 *
 * Not here: who wins a conflict (merge/), which clusters are used (choose/), what the export says of itself (serviceexport/).
 *
 * Invariants:
 * - An import goes when nobody exports the service any more, and only then; before the mesh was listened to, nothing is known to be gone.
 * - What is read by others (names, slices) goes before what it leads to, and what it leads to is there before it.
 * - Objects of others are left alone, and nothing is written into a namespace that is absent or going.
 */
import type { KubeObject } from '../../lib/kube/object.ts';
import { mergeExports } from '../merge/merge.ts';
import type { ServiceRecord } from '../records.ts';
import { conflictEvents } from './conflict-events.ts';
import { connectors } from './connector/plan.ts';
import { derivedServices } from './derived-service/plan.ts';
import { podServices } from './derived-service/pods.ts';
import { podProxySlices } from './endpointslice/headless.ts';
import { kubeProxySlices } from './endpointslice/kube-proxy.ts';
import { officialSlices } from './endpointslice/official.ts';
import { podsEndAt } from './endpointslice/remote-pods.ts';
import { exportersOf, mayBeIncomplete } from './exporters.ts';
import { type Frame, frameOf } from './frame.ts';
import { listeners } from './listener/plan.ts';
import type { EventWant, Observed, StatusWrite } from './observed.ts';
import { isOfOwn, type Kept, unwanted } from './prune.ts';
import { exportStatus, type OwnExport, ownExport } from './serviceexport/own-record.ts';
import { foreignEvents, isForeignImport, withForeignImport } from './serviceimport/foreign.ts';
import { serviceImport } from './serviceimport/plan.ts';
import { importEvents, importStatus } from './serviceimport/status.ts';

export interface ServicePlan {
  /** What this cluster tells the others, once `sinceAnnotation` of its export is written; undefined withdraws it. */
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
export function planService(observed: Observed, now: number): ServicePlan {
  const own = observed.hasNamespace ? ownExport(observed) : undefined;
  const { sources, endsAt } = exportersOf(observed, own?.record, now);
  const merged = mergeExports(sources);
  const frame = merged === undefined || !observed.hasNamespace ? undefined : frameOf(observed, sources, merged, now);
  const wanted = frame === undefined ? [] : wantedObjects(frame);
  const status = own === undefined ? [] : exportStatuses(observed, own, exportStatus(observed, own, merged, now), now);
  return {
    record: own?.record,
    apply: wanted.filter((object) => canBeWritten(object, observed, frame)),
    prune: unwantedNow(observed, own, frame, { wanted, sources }),
    statuses: [...status, ...(frame === undefined ? [] : importStatus(frame))],
    events: [
      ...foreignEvents(observed),
      ...status.flatMap(({ object, status: after }) => conflictEvents(object, after)),
      ...(frame === undefined ? [] : importEvents(frame)),
    ],
    requeueAt: Math.min(endsAt, frame === undefined ? Infinity : podsEndAt(frame)),
  };
}

/** All that there should be, whether or not it can be written yet. */
function wantedObjects(frame: Frame): KubeObject[] {
  if (isForeignImport(frame.observed)) return connectors(frame);
  return [
    serviceImport(frame),
    ...derivedServices(frame),
    ...podServices(frame),
    ...connectors(frame),
    ...listeners(frame),
    ...kubeProxySlices(frame),
    ...podProxySlices(frame),
    ...officialSlices(frame),
  ];
}

function canBeWritten({ kind, metadata }: KubeObject, observed: Observed, frame: Frame | undefined): boolean {
  switch (kind) {
    case 'Connector':
    case 'Listener':
      return observed.carrier !== undefined;
    case 'MultiKeyListener':
      return observed.carrier !== undefined && !(isUncertain(frame) && hasListener(observed, kind, metadata.name));
    case 'EndpointSlice': {
      // Owned by the import, which has to be there first.
      const { uid, deletionTimestamp } = frame?.owner?.metadata ?? {};
      return uid !== undefined && deletionTimestamp === undefined;
    }
    default:
      return true;
  }
}

/** Somebody may be live and was not heard yet: how they are to be chosen is not known, and stays as it was. */
function isUncertain(frame: Frame | undefined): boolean {
  return frame?.sources.some(({ state }) => state === 'unseen') ?? false;
}

function hasListener({ listeners: made }: Observed, kind: string, name: string): boolean {
  return made.some((listener) => listener.kind === kind && listener.metadata.name === name);
}

/** While it cannot be known whether somebody exports the service, nothing of it is taken away. */
function unwantedNow(
  observed: Observed,
  own: OwnExport | undefined,
  frame: Frame | undefined,
  kept: Kept,
): KubeObject[] {
  const objects = unwanted(observed, kept);
  if (!observed.hasNamespace) return objects;
  const isOwnPending = own !== undefined && own.record === undefined && own.valid.status === 'True';
  if (isOwnPending) return [];
  // What this cluster itself exports is known always.
  return frame === undefined && mayBeIncomplete(observed)
    ? objects.filter((object) => isOfOwn(observed, object))
    : objects;
}

function exportStatuses(observed: Observed, own: OwnExport, status: object, now: number): StatusWrite[] {
  const { export: made } = observed;
  if (made === undefined) return [];
  const isShown = own.valid.status === 'True';
  return [{ object: made, status: isShown ? withForeignImport(observed, made, status, now) : status }];
}
