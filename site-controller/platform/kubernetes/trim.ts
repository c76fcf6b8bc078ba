/** What the caches keep of objects: a cluster has many more pods, Secrets and ConfigMaps than the controller has use for. Pure. */

import { CONTROLLED_LABEL } from '../../../config/names.ts';
import { type KubeObject, withoutManagedFields } from '../../../lib/kube/object.ts';
import type { PodView } from '../../reconcile/cluster.ts';

/** Types of Secrets that never hold TLS material or the account of a proxy. */
export const SECRET_FIELD_SELECTOR = [
  'helm.sh/release.v1',
  'kubernetes.io/service-account-token',
  'kubernetes.io/dockercfg',
  'kubernetes.io/dockerconfigjson',
  'bootstrap.kubernetes.io/token',
]
  .map((type) => `type!=${type}`)
  .join(',');

const SECRET_KEYS = ['ca.crt', 'tls.crt', 'tls.key', 'host', 'port', 'username', 'password', 'csr', 'request.json'];
const CONFIG_KEYS = ['template.yaml'];
const METADATA_KEYS = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'labels',
  'annotations',
  'ownerReferences',
] as const;

/** Of Secrets that a controller made everything is kept. */
export function trimSecret(secret: KubeObject): KubeObject {
  if (isControlled(secret)) return withoutManagedFields(secret);
  const data = (secret.data ?? {}) as Record<string, string>;
  const kept = Object.fromEntries(SECRET_KEYS.filter((key) => data[key] !== undefined).map((key) => [key, data[key]!]));
  return { ...trimmed(secret), type: secret.type, data: kept };
}

/** Those with a part in a site keep their data; of the others the name counts. */
export function trimConfigMap(map: KubeObject): KubeObject {
  const data = (map.data ?? {}) as Record<string, string>;
  const labels = Object.keys(map.metadata.labels ?? {});
  const isOurs = map.metadata.name.startsWith('skupper') || labels.some((label) => label.includes('skupper.io/'));
  if (isOurs || CONFIG_KEYS.some((key) => data[key] !== undefined)) return withoutManagedFields(map);
  return trimmed(map);
}

export function trimPod(pod: KubeObject): KubeObject {
  const status = (pod.status ?? {}) as PodStatus;
  const { phase, podIP, podIPs, conditions, message, reason, containerStatuses } = status;
  const { serviceAccountName, hostNetwork } = (pod.spec ?? {}) as {
    serviceAccountName?: string;
    hostNetwork?: boolean;
  };
  return {
    ...trimmed(pod),
    spec: { serviceAccountName, ...(hostNetwork && { hostNetwork }) },
    status: { phase, podIP, podIPs, conditions, message, reason, containerStatuses: containerStatuses?.map(waitingOf) },
  };
}

interface PodStatus {
  phase?: string;
  podIP?: string;
  podIPs?: { ip: string }[];
  message?: string;
  reason?: string;
  conditions?: { type: string; status: string; message?: string; reason?: string }[];
  containerStatuses?: ContainerStatus[];
}

interface ContainerStatus {
  name: string;
  ready: boolean;
  state?: { waiting?: { reason?: string; message?: string } };
}

export function podView({ metadata, status: raw }: KubeObject): PodView {
  const status = (raw ?? {}) as PodStatus;
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  const ips = (status.podIPs ?? []).map(({ ip }) => ip);
  if (ips.length === 0 && status.podIP) ips.push(status.podIP);
  const waiting = status.containerStatuses?.map(({ state }) => state?.waiting).find((state) => state?.reason);
  const isReady = ready?.status === 'True';
  const notScheduled = status.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    uid: metadata.uid ?? '',
    labels: metadata.labels ?? {},
    ips,
    phase: status.phase ?? '',
    isReady,
    isDeleting: metadata.deletionTimestamp !== undefined,
    message: isReady
      ? ''
      : [waiting?.reason, waiting?.message ?? notScheduled?.message ?? ready?.message].filter(Boolean).join(': '),
  };
}

function trimmed({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const own = Object.fromEntries(METADATA_KEYS.map((key) => [key, metadata[key]]));
  return { apiVersion, kind, metadata: own as unknown as KubeObject['metadata'] };
}

function waitingOf({ name, ready, state }: ContainerStatus): ContainerStatus {
  return { name, ready, state: state?.waiting === undefined ? {} : { waiting: state.waiting } };
}

function isControlled({ metadata }: KubeObject): boolean {
  return metadata.labels?.[CONTROLLED_LABEL] === 'true' || metadata.annotations?.[CONTROLLED_LABEL] === 'true';
}
