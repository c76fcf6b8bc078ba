/** What all objects of this controller have in common: how they are known again, and whose they are. Pure. */
import type { KubeObject, OwnerReference } from '../../lib/kube/object.ts';
import { IMPORT_ANNOTATION, LABEL, MANAGER, MCS } from '../names.ts';
import { annotationOf, labelOf } from './fields.ts';
import type { Observed } from './observed.ts';

export const API = {
  multiCluster: `${MCS.group}/v1beta1`,
  endpointSlice: 'discovery.k8s.io/v1',
  skupper: 'skupper.io/v2alpha1',
} as const;

/** On what is made for one pod of a headless service. */
export const MADE_ANNOTATION = {
  hostname: 'skuprt.io/hostname',
  /** On Connectors and Listeners, JSON: labels by which policies select the service. */
  labels: 'skuprt.io/service-labels',
  /** On its Service, RFC 3339: since when its cluster has no pod of that name. */
  goneSince: 'skuprt.io/gone-since',
} as const;

export interface ServiceName {
  namespace: string;
  name: string;
}

/** By these the objects of one service are found, wherever they are. */
export function madeLabels({ namespace, name }: ServiceName): Record<string, string> {
  return { [LABEL.managedBy]: MANAGER, [LABEL.service]: name, [LABEL.namespace]: namespace };
}

/** `shown`: what users label, its export or its import. Its labels are only told while there are policies to select by them. */
export function madeAnnotations(
  { policies }: Pick<Observed, 'policies'>,
  shown: KubeObject | undefined,
  hostname?: string,
): { annotations?: Record<string, string> } {
  const labels = Object.entries(shown?.metadata.labels ?? {}).filter(([key]) => isExportable(key));
  const annotations = {
    ...(hostname !== undefined && { [MADE_ANNOTATION.hostname]: hostname }),
    ...(policies !== undefined &&
      labels.length > 0 && { [MADE_ANNOTATION.labels]: JSON.stringify(Object.fromEntries(labels.sort())) }),
  };
  return Object.keys(annotations).length === 0 ? {} : { annotations };
}

/** Of the names of the slices by which a derived Service leads to pods of this cluster. */
export function localPrefix(derived: string): string {
  return `${derived}-local`;
}

/** Made by this controller, also when somebody took one of its marks away. */
export function isOurImport(made: KubeObject): boolean {
  return labelOf(made, LABEL.managedBy) === MANAGER || annotationOf(made, IMPORT_ANNOTATION.exporters) !== undefined;
}

const RESERVED = /^(([-a-z0-9]+\.)*(skuprt|kubernetes|k8s)\.io)\//;
/** What Kubernetes recommends that users say of their applications. */
const RECOMMENDED = /^app\.kubernetes\.io\//;

/**
 * Whether an export may have a label or annotation of its import: ours and those by which Kubernetes is driven it may not, nor the one
 * that says who makes the import.
 */
export function isExportable(key: string): boolean {
  return !RESERVED.test(key) || (RECOMMENDED.test(key) && key !== LABEL.managedBy);
}

/** Not the controller of them: the garbage collector is to follow, and nobody else to be kept from them (KEP-1645). */
export function ownedBy(owner: KubeObject | undefined): { ownerReferences?: OwnerReference[] } {
  const uid = owner?.metadata.uid;
  if (owner === undefined || uid === undefined || uid === '') return {};
  return { ownerReferences: [{ apiVersion: API.multiCluster, kind: 'ServiceImport', name: owner.metadata.name, uid }] };
}
