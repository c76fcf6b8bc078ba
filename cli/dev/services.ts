/** What a service-controller leaves in a cluster when it ends for good: it is meant to be gone for a moment only, and so takes nothing back. */
import { MANAGER, MCS, PROPERTY } from '../../service-controller/names.ts';
import { API, type ApiKind, apiOf, type ClusterClient } from '../places/cluster-client.ts';

const PROPERTIES: ApiKind = {
  apiVersion: 'about.k8s.io/v1beta1',
  kind: 'ClusterProperty',
  plural: 'clusterproperties',
};
const IMPORTS: ApiKind = { apiVersion: `${MCS.group}/v1beta1`, kind: 'ServiceImport', plural: 'serviceimports' };
/** Imports first: what is theirs would be missed. */
const MADE: readonly ApiKind[] = [
  IMPORTS,
  API.endpointSlices,
  API.services,
  apiOf('Connector'),
  apiOf('Listener'),
  apiOf('MultiKeyListener'),
];
const OURS = [`app.kubernetes.io/managed-by=${MANAGER}`, `endpointslice.kubernetes.io/managed-by=${MANAGER}`];

/** Names of those that are there. */
export async function clusterProperties(client: ClusterClient): Promise<Set<string>> {
  return new Set(((await client.list(PROPERTIES)) ?? []).map(({ metadata }) => metadata.name));
}

/** All that service-controllers made, and the properties by which the cluster was named; those of `kept` stay. */
export async function removeServices(client: ClusterClient, kept: ReadonlySet<string>): Promise<void> {
  for (const api of MADE) {
    for (const labelSelector of OURS) {
      const found = (await client.list(api, { labelSelector })) ?? [];
      await Promise.all(found.map(({ metadata }) => client.delete(api, metadata.name, metadata.namespace)));
    }
  }
  for (const name of Object.values(PROPERTY)) if (!kept.has(name)) await client.delete(PROPERTIES, name);
}
