/**
 * Two routers of a site are changed one after the other: the second keeps the pod template it has until the first has a ready pod of
 * the new one. What was applied last stands in an annotation, since a live template has the defaults of the API server in it.
 * A pure function of the live Deployments.
 */
import { createHash } from 'node:crypto';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { type ClusterView, objectOf } from '../cluster.ts';
import type { Observed } from '../observed.ts';

export const TEMPLATE_ANNOTATION = 'skuprt.io/pod-template-digest';

/** `wanted` in the order in which they are to change. */
export function inOrder({ cluster }: Observed, wanted: readonly KubeObject[]): KubeObject[] {
  let isTurn = true;
  return wanted.map((plain) => {
    const deployment = withDigest(plain);
    const live = cluster && objectOf(cluster, 'Deployment', deployment.metadata.name);
    const kept =
      isTurn || live === undefined || digestOf(live) === digestOf(deployment)
        ? deployment
        : withTemplate(deployment, live);
    isTurn &&=
      live !== undefined && digestOf(live) === digestOf(deployment) && isRolledOut(live) && !isDraining(cluster, live);
    return kept;
  });
}

function withDigest(deployment: KubeObject): KubeObject {
  const { template } = deployment.spec as DeploymentSpec;
  const digest = createHash('sha256').update(JSON.stringify(template)).digest('hex');
  return annotated(deployment, digest);
}

function withTemplate(deployment: KubeObject, live: KubeObject): KubeObject {
  const spec = deployment.spec as DeploymentSpec;
  const kept = { ...deployment, spec: { ...spec, template: (live.spec as DeploymentSpec).template } };
  return annotated(kept, digestOf(live) ?? '');
}

function annotated(object: KubeObject, digest: string): KubeObject {
  const annotations = { ...object.metadata.annotations, [TEMPLATE_ANNOTATION]: digest };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function digestOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[TEMPLATE_ANNOTATION];
}

/** The new pod is ready, and the old one was told to go. */
function isRolledOut({ metadata, status: raw }: KubeObject): boolean {
  const {
    observedGeneration = 0,
    replicas = 0,
    updatedReplicas = 0,
    availableReplicas = 0,
  } = (raw ?? {}) as DeploymentStatus;
  return (
    observedGeneration >= (metadata.generation ?? 0) &&
    updatedReplicas > 0 &&
    replicas === updatedReplicas &&
    availableReplicas === updatedReplicas
  );
}

/** One that is on its way and still serves; a pod of a dead node is not ready, and holds up nothing. */
function isDraining(cluster: ClusterView | undefined, { metadata }: KubeObject): boolean {
  const pods = cluster?.pods.filter(({ labels }) => labels['skupper.io/group'] === metadata.name) ?? [];
  return pods.some(({ isDeleting, isReady }) => isDeleting && isReady);
}

interface DeploymentSpec {
  template: object;
}

interface DeploymentStatus {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  availableReplicas?: number;
}
