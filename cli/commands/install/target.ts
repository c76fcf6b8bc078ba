/** Which installation a command is about: that of the whole cluster, or that of one namespace. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { Context } from '../../context.ts';
import { API, type ClusterClient } from '../../places/cluster-client.ts';
import { isForbidden } from '../../places/controllers.ts';
import { apiKindOf, CONTROLLER_NAME, CONTROLLER_NAMESPACE, type InstallScope } from './manifests.ts';
import type { Found } from './plan.ts';

export interface InstallTarget {
  scope: InstallScope;
  /** Where the controller runs. */
  namespace: string;
}

export function targetOf(context: Context, namespaceScope: boolean | undefined): InstallTarget {
  return namespaceScope
    ? { scope: 'namespace', namespace: context.namespace }
    : { scope: 'cluster', namespace: CONTROLLER_NAMESPACE };
}

export async function findDeployment(client: ClusterClient, namespace: string): Promise<KubeObject | undefined> {
  return await client.get(API.deployments, CONTROLLER_NAME, namespace);
}

/** What is there of each object. What belongs to the cluster may be hidden from who installs into one namespace. */
export async function lookAt(client: ClusterClient, wanted: readonly KubeObject[]): Promise<Found[]> {
  return await Promise.all(wanted.map(async (object) => ({ wanted: object, present: await look(client, object) })));
}

async function look(client: ClusterClient, object: KubeObject): Promise<Found['present']> {
  const { name, namespace } = object.metadata;
  const mayBeHidden = ['Namespace', 'CustomResourceDefinition'].includes(object.kind);
  try {
    return await client.get(apiKindOf(object), name, namespace);
  } catch (error) {
    if (mayBeHidden && isForbidden(error)) return 'hidden';
    throw error;
  }
}

/** `cluster "west"`, for messages. */
export function clusterText({ cluster }: Context): string {
  return cluster.context === undefined ? 'this cluster' : `cluster "${cluster.context}"`;
}

export function controllerText({ scope, namespace }: InstallTarget): string {
  return scope === 'cluster' ? `the controller in namespace ${namespace}` : `the controller of namespace ${namespace}`;
}
