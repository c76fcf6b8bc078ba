/** The rights of the adaptors of a site. Reading is wide only for Secrets, whose names come and go with links and listeners. Pure. */
import type { Site } from '../../../config/api/site.ts';
import { NAME } from '../../../config/names.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { groupName, routerGroups } from './identity.ts';

const RBAC_GROUP = 'rbac.authorization.k8s.io';
/** Parts of the network's status that one site may write: each holds most of a MiB, compressed. */
const NETWORK_PART_COUNT_MAX = 16;
const READ = ['get', 'list', 'watch'];
/** Server-side apply of an object that may not be there yet. */
const APPLY = ['get', 'create', 'patch'];

/** `workloadMapCount`: ConfigMaps that say which pod has which address. */
export function routerRights(site: Site, namespace: string, workloadMapCount = 0): KubeObject[] {
  const metadata = { name: NAME.router };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    { apiVersion: `${RBAC_GROUP}/v1`, kind: 'Role', metadata, rules: rules(site, workloadMapCount) },
    {
      apiVersion: `${RBAC_GROUP}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name: NAME.router },
      subjects: [{ kind: 'ServiceAccount', name: NAME.router, namespace }],
    },
  ];
}

function rules(site: Site, workloadMapCount: number): object[] {
  const networkParts = Array.from({ length: NETWORK_PART_COUNT_MAX }, (_, index) =>
    groupName(NAME.networkStatus, index),
  );
  return [
    { apiGroups: [''], resources: ['configmaps'], resourceNames: routerGroups(site), verbs: READ },
    { apiGroups: [''], resources: ['configmaps'], resourceNames: [NAME.routerStatus], verbs: APPLY },
    { apiGroups: [''], resources: ['configmaps'], resourceNames: networkParts, verbs: [...APPLY, 'delete'] },
    { apiGroups: [''], resources: ['secrets'], verbs: READ },
    ...workloadRules(workloadMapCount),
    ...(routerGroups(site).length > 1 ? leaseRules() : []),
  ];
}

function workloadRules(count: number): object[] {
  if (count === 0) return [];
  const resourceNames = Array.from({ length: count }, (_, index) => groupName(NAME.workloads, index));
  return [{ apiGroups: [''], resources: ['configmaps'], resourceNames, verbs: READ }];
}

function leaseRules(): object[] {
  const group = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
  return [
    { ...group, resourceNames: [NAME.siteLeader], verbs: [...READ, 'update', 'patch'] },
    // Creation by POST has no name that rights could be limited to.
    { ...group, verbs: ['create'] },
  ];
}
