/** Which controllers a cluster has, and whether one serves a namespace: of ours, or Skupper's own. */
import { httpStatusOf } from '../../lib/errors.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { API, type ApiKind, type ClusterClient, type ListOptions } from './cluster-client.ts';

/** Of pods, and of our Deployments. */
export const CONTROLLER_SELECTOR = 'application=skupper-controller';
/** Skupper's Deployment has a name and no label. */
const SKUPPER_FIELDS = 'metadata.name=skupper-controller';
/** A service-controller serves no sites. */
const LEASE_NAME = /(?<!service-)controller/;

export interface Controller {
  namespace: string;
  name: string;
  image: string;
  readyCount: number;
  wantedCount: number;
  /** The one namespace that it serves; undefined for all. */
  watchNamespace: string | undefined;
}

/** Undefined when this user may not see what is in the cluster. */
export async function findControllers(client: ClusterClient, namespace: string): Promise<Controller[] | undefined> {
  const everywhere = await listControllers(client);
  if (everywhere !== undefined) return everywhere.map(controllerOf);
  const here = await listControllers(client, namespace);
  // Those of other namespaces cannot be seen: only a find says something.
  return here === undefined || here.length === 0 ? undefined : here.map(controllerOf);
}

async function listControllers(client: ClusterClient, namespace?: string): Promise<KubeObject[] | undefined> {
  const labelled = await permitted(client, API.deployments, { labelSelector: CONTROLLER_SELECTOR, namespace });
  const named = await permitted(client, API.deployments, { fieldSelector: SKUPPER_FIELDS, namespace });
  if (labelled === undefined || named === undefined) return undefined;
  const known = new Set(labelled.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
  return [...labelled, ...named.filter(({ metadata }) => !known.has(`${metadata.namespace}/${metadata.name}`))];
}

export function serves({ watchNamespace }: Controller, namespace: string): boolean {
  return watchNamespace === undefined || watchNamespace === namespace;
}

/** A controller that runs outside of the cluster shows only by its lease. `now` is wall-clock milliseconds. */
export async function hasLivingLease(client: ClusterClient, now: number): Promise<boolean> {
  const leases = (await permitted(client, API.leases, {})) ?? [];
  return leases.some(({ metadata, spec }) => {
    const {
      renewTime = '',
      leaseDurationSeconds = 15,
      holderIdentity,
    } = (spec ?? {}) as {
      renewTime?: string;
      leaseDurationSeconds?: number;
      holderIdentity?: string;
    };
    const isOurs = LEASE_NAME.test(metadata.name) && /sku/.test(`${metadata.namespace}/${metadata.name}`);
    return isOurs && Boolean(holderIdentity) && Date.parse(renewTime) + 2000 * leaseDurationSeconds > now;
  });
}

/** Undefined where the user may not look. */
export async function permitted(
  client: ClusterClient,
  api: ApiKind,
  options: ListOptions,
): Promise<KubeObject[] | undefined> {
  try {
    return await client.list(api, options);
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

export function isForbidden(error: unknown): boolean {
  return httpStatusOf(error) === 403;
}

function controllerOf(deployment: KubeObject): Controller {
  const { metadata } = deployment;
  const spec = deployment.spec as {
    replicas?: number;
    template?: {
      spec?: { containers?: { image?: string; env?: { name: string; value?: string }[]; args?: string[] }[] };
    };
  };
  const status = deployment.status as { readyReplicas?: number } | undefined;
  const [container] = spec?.template?.spec?.containers ?? [];
  const watched = container?.env?.find(({ name }) => name === 'WATCH_NAMESPACE');
  const namespace = metadata.namespace ?? '';
  return {
    namespace,
    name: metadata.name,
    image: container?.image ?? '',
    readyCount: status?.readyReplicas ?? 0,
    wantedCount: spec?.replicas ?? 1,
    // Without a value it comes from the pod: its own namespace.
    watchNamespace: watched === undefined || watched.value === '' ? undefined : (watched.value ?? namespace),
  };
}
