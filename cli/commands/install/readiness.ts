/** Whether what was installed works yet, and what it waits for: a pure reading of objects. */
import type { KubeObject } from '../../../lib/kube/object.ts';

interface Condition {
  type: string;
  status: string;
  message?: string;
}

interface ContainerStatus {
  state?: { waiting?: { reason?: string; message?: string } };
}

/** Undefined once the API server serves the kind. */
export function definitionPending({ metadata, status }: KubeObject): string | undefined {
  const { conditions = [] } = (status ?? {}) as { conditions?: Condition[] };
  const refused = conditions.find(({ type, status: is }) => type === 'NamesAccepted' && is === 'False');
  if (refused) return `${metadata.name}: ${refused.message}`;
  const isEstablished = conditions.some(({ type, status: is }) => type === 'Established' && is === 'True');
  return isEstablished ? undefined : `${metadata.name} is not served yet`;
}

/** Undefined once every replica runs the wanted version and is ready. */
export function deploymentPending(deployment: KubeObject, pods: readonly KubeObject[]): string | undefined {
  const wanted = (deployment.spec as { replicas?: number }).replicas ?? 1;
  const status = (deployment.status ?? {}) as {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    conditions?: Condition[];
  };
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, conditions = [] } = status;
  const isSeen = (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0);
  if (isSeen && updatedReplicas === wanted && readyReplicas >= wanted && replicas === wanted) return undefined;
  const failure = conditions.find(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True')?.message;
  const why = failure ?? podTrouble(pods);
  const count = `${Math.min(updatedReplicas, readyReplicas)} of ${wanted} ready`;
  return why === undefined ? count : `${count}; ${why}`;
}

/** Why a pod does not come up, as Kubernetes says it: an image that cannot be pulled, no node with room. */
function podTrouble(pods: readonly KubeObject[]): string | undefined {
  for (const { status } of pods) {
    const { conditions = [], containerStatuses = [] } = (status ?? {}) as {
      conditions?: Condition[];
      containerStatuses?: ContainerStatus[];
    };
    const waiting = containerStatuses.map(({ state }) => state?.waiting).find((it) => it && !isUsual(it.reason));
    if (waiting) return [waiting.reason, waiting.message].filter(Boolean).join(': ');
    const unscheduled = conditions.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
    if (unscheduled?.message) return unscheduled.message;
  }
  return undefined;
}

function isUsual(reason: string | undefined): boolean {
  return reason === 'ContainerCreating' || reason === 'PodInitializing';
}
