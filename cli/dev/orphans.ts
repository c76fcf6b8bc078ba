/**
 * What controllers made for objects that are gone. A cluster's garbage collector takes it; an API server alone has none, and the next site of
 * that namespace would begin with the certificates and the router configuration of the last one.
 */
import type { KubeObject, OwnerReference } from '../../lib/kube/object.ts';
import { API, type ApiKind, type ClusterClient } from '../places/cluster-client.ts';
import { kindOfDefinition } from './definitions.ts';

const MADE: readonly ApiKind[] = [API.configMaps, API.secrets, API.services];

/** Removes from `namespace` all whose owners went: those in `gone`, and those of kinds whose definitions are in it. */
export async function removeOrphans(
  client: ClusterClient,
  namespace: string,
  gone: readonly KubeObject[],
): Promise<void> {
  const uids = new Set(gone.map(({ metadata }) => metadata.uid));
  const kinds = new Set(gone.filter(({ kind }) => kind === 'CustomResourceDefinition').map(kindOfDefinition));
  const isGone = ({ uid, kind }: OwnerReference) => uids.has(uid) || kinds.has(kind);
  for (const api of MADE) {
    const found = (await client.list(api, { namespace })) ?? [];
    const orphans = found.filter(
      ({ metadata: { ownerReferences: owners = [] } }) => owners.length > 0 && owners.every(isGone),
    );
    await Promise.all(orphans.map(({ metadata }) => client.delete(api, metadata.name, namespace)));
  }
}
