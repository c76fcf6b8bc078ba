/**
 * What the cache keeps of objects: a cluster has many more Services and EndpointSlices than belong to a cluster set, and each is held in
 * memory. What the controller made itself is kept whole, to be compared with what is wanted. Pure.
 */
import { type KubeObject, type ObjectMeta, withoutManagedFields } from '../../../lib/kube/object.ts';
import { LABEL, MANAGER } from '../../names.ts';

/** Annotations that mean something to us, or to those who make names of us. */
const ANNOTATION = /^(skuprt\.io|multicluster\.(x-k8s|kubernetes)\.io|external-dns\.)/;

export function isOurs({ metadata }: KubeObject): boolean {
  const { labels } = metadata;
  return labels?.[LABEL.managedBy] === MANAGER || labels?.[LABEL.sliceManager] === MANAGER;
}

/** Of a kind that only counts by its name. */
export function trimToName({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata: coreOf(metadata) };
}

export function trimService(service: KubeObject): KubeObject {
  if (isOurs(service)) return withoutManagedFields(service);
  const { apiVersion, kind, metadata } = service;
  const spec = (service.spec ?? {}) as Record<string, unknown>;
  const { loadBalancer } = (service.status ?? {}) as { loadBalancer?: { ingress?: unknown[] } };
  const kept: KubeObject = {
    apiVersion,
    kind,
    metadata: { ...coreOf(metadata), ...someOf('annotations', metadata.annotations, (name) => ANNOTATION.test(name)) },
    spec: pick(spec, SERVICE_SPEC),
  };
  return loadBalancer?.ingress === undefined ? kept : { ...kept, status: { loadBalancer } };
}

export function trimSlice(slice: KubeObject): KubeObject {
  if (isOurs(slice)) return withoutManagedFields(slice);
  const { apiVersion, kind, metadata } = slice;
  const endpoints = (slice.endpoints ?? []) as Record<string, unknown>[];
  return {
    apiVersion,
    kind,
    metadata: { ...coreOf(metadata), ...someOf('labels', metadata.labels, (name) => SLICE_LABELS.has(name)) },
    addressType: slice.addressType,
    ports: slice.ports,
    endpoints: endpoints.map((endpoint) => {
      const { name } = (endpoint.targetRef ?? {}) as { name?: string };
      return { ...pick(endpoint, ENDPOINT), ...(name !== undefined && { targetRef: { name } }) };
    }),
  };
}

export function trimSite({ apiVersion, kind, metadata, status }: KubeObject): KubeObject {
  const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string }[] };
  const { ownerReferences: _owners, annotations: _annotations, ...core } = metadata;
  const kept = conditions
    .filter(({ type }) => type === 'Configured')
    .map(({ type, status: is }) => ({ type, status: is }));
  return withoutManagedFields({ apiVersion, kind, metadata: core, status: { conditions: kept } });
}

/** A router's: where it is and whether it takes connections. */
export function trimPod({ apiVersion, kind, metadata, status }: KubeObject): KubeObject {
  const { podIP, podIPs, conditions } = (status ?? {}) as {
    podIP?: string;
    podIPs?: unknown;
    conditions?: { type: string; status: string }[];
  };
  const ready = (conditions ?? [])
    .filter(({ type }) => type === 'Ready')
    .map(({ type, status: is }) => ({ type, status: is }));
  return { apiVersion, kind, metadata: coreOf(metadata), status: { podIP, podIPs, conditions: ready } };
}

/** Of a ConfigMap these keys of its data; all when there are none. */
export function trimConfigMap(key?: string): (map: KubeObject) => KubeObject {
  return ({ apiVersion, kind, metadata, data }) => {
    const texts = (data ?? {}) as Record<string, string>;
    const kept = key === undefined ? texts : pick(texts, [key]);
    return { apiVersion, kind, metadata: coreOf(metadata), data: kept };
  };
}

const SERVICE_SPEC = [
  'type',
  'clusterIP',
  'clusterIPs',
  'ipFamilies',
  'ports',
  'sessionAffinity',
  'sessionAffinityConfig',
  'internalTrafficPolicy',
  'trafficDistribution',
  'publishNotReadyAddresses',
] as const;
const ENDPOINT = ['addresses', 'conditions', 'hostname', 'nodeName', 'zone'] as const;
const SLICE_LABELS: ReadonlySet<string> = new Set([
  LABEL.serviceName,
  LABEL.sliceManager,
  'service.kubernetes.io/headless',
]);

function coreOf({
  name,
  namespace,
  uid,
  resourceVersion,
  creationTimestamp,
  deletionTimestamp,
}: ObjectMeta): ObjectMeta {
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    uid,
    resourceVersion,
    creationTimestamp,
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
  };
}

function someOf(
  member: 'labels' | 'annotations',
  texts: Readonly<Record<string, string>> | undefined,
  isKept: (name: string) => boolean,
): object {
  const kept = Object.entries(texts ?? {}).filter(([name]) => isKept(name));
  return kept.length === 0 ? {} : { [member]: Object.fromEntries(kept) };
}

function pick(members: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const name of names) if (members[name] !== undefined) kept[name] = members[name];
  return kept;
}
