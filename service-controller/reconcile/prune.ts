/** Which of the objects that were made before are no longer wanted, in the order in which they are to go. Pure. */
import type { KubeObject } from '../../lib/kube/object.ts';
import { derivedName, LABEL, MANAGER, MCS } from '../names.ts';
import type { Source } from './exporters.ts';
import { labelOf } from './fields.ts';
import { isOurImport, localPrefix } from './made.ts';
import type { Observed } from './observed.ts';

/**
 * First what names lead to, then what leads traffic on: a router's port is free for another service once its listener is gone, and
 * nothing may point at it by then.
 */
const ORDER = ['ServiceImport', 'EndpointSlice', 'Service', 'MultiKeyListener', 'Listener', 'Connector'];

export interface Kept {
  wanted: readonly KubeObject[];
  sources: readonly Source[];
}

export function unwanted(observed: Observed, { wanted, sources }: Kept): KubeObject[] {
  const names = new Set(wanted.map((object) => keyOf(observed, object)));
  const unseen = new Set(sources.filter(({ state }) => state === 'unseen').map(({ cluster }) => cluster));
  const isKept = (object: KubeObject) =>
    names.has(keyOf(observed, object)) ||
    // Its endpoints cannot be known yet.
    (object.kind === 'EndpointSlice' && unseen.has(labelOf(object, MCS.sourceClusterLabel) ?? ''));
  return madeBefore(observed)
    .filter((object) => object.metadata.deletionTimestamp === undefined && !isKept(object))
    .sort((a, b) => rankOf(a) - rankOf(b));
}

/** By which this cluster's own endpoints are reached. */
export function isOfOwn(observed: Observed, object: KubeObject): boolean {
  if (object.kind !== 'EndpointSlice') return object.kind === 'Connector';
  const derived = derivedName(observed.namespace, observed.name);
  const isToPods = object.metadata.name.startsWith(localPrefix(derived));
  return isToPods || labelOf(object, MCS.sourceClusterLabel) === observed.clusterId;
}

/** A namespace that goes takes along what is in it. */
function madeBefore(observed: Observed): KubeObject[] {
  const { import: made, derived, madeSlices, listeners, connectors, hasNamespace } = observed;
  const inNamespace = hasNamespace
    ? [
        ...(made !== undefined && isOurImport(made) ? [made] : []),
        ...madeSlices.filter(isOurs),
        ...derived.filter(isOurs),
      ]
    : [];
  return [...inNamespace, ...listeners.filter(isOurs), ...connectors.filter(isOurs)];
}

/** The labels say so, which nobody but this controller writes; an object that lost them is left alone. */
function isOurs(object: KubeObject): boolean {
  return labelOf(object, LABEL.managedBy) === MANAGER || labelOf(object, LABEL.sliceManager) === MANAGER;
}

/** While no Site carries the services, it is not known where its resources belong: their names count. */
function keyOf({ carrier }: Observed, { kind, metadata }: KubeObject): string {
  const isOfSite = kind === 'Listener' || kind === 'MultiKeyListener' || kind === 'Connector';
  const namespace = isOfSite && carrier === undefined ? '' : (metadata.namespace ?? '');
  return `${kind}/${namespace}/${metadata.name}`;
}

/** Slices for kube-proxy before those for others. */
function rankOf(object: KubeObject): number {
  const isProxy = labelOf(object, LABEL.serviceName) !== undefined;
  return ORDER.indexOf(object.kind) * 2 + (isProxy ? 0 : 1);
}
