/**
 * Who may do what in a cluster, as one table: the Roles and ClusterRoles in config/rbac and config/helm are written from it.
 *
 * The controller may give away no right that it has not, so it holds what it gives to router pods. It names kinds and verbs
 * one by one: no wildcards, no `escalate`, `bind` or `impersonate`, no `pods/exec`.
 */
import { POLICY_GROUP } from '../api/access-policy.ts';
import { ABOUT_GROUP } from '../api/cluster-property.ts';
import { KINDS } from '../api/index.ts';
import { MCS_GROUP } from '../api/service-export.ts';
import { CUSTOM_KINDS, PART_OF, VERSION_ANNOTATION } from '../crd/definition.ts';
import type { CustomKind } from '../crd/kinds.ts';

export interface Rule {
  apiGroups: readonly string[];
  resources: readonly string[];
  /** Undefined: all of them. */
  resourceNames?: readonly string[];
  verbs: readonly string[];
}

export const READ: readonly string[] = ['get', 'list', 'watch'];
const WRITE = ['create', 'update', 'patch', 'delete'];
export const ALL: readonly string[] = [...READ, ...WRITE];

export const SKUPPER = 'skupper.io';
const plurals = (kinds: readonly CustomKind[]) => kinds.map((kind) => KINDS[kind].plural).sort();
const ALL_KINDS = plurals(CUSTOM_KINDS);

export function rule(group: string, resources: readonly string[], verbs: readonly string[]): Rule {
  return { apiGroups: [group], resources, verbs };
}

/** In every namespace that the controller serves. */
export const CONTROLLER_RULES: readonly Rule[] = [
  rule(SKUPPER, ALL_KINDS, ALL),
  rule(
    SKUPPER,
    ALL_KINDS.map((plural) => `${plural}/status`),
    ['get', 'update', 'patch'],
  ),
  // Where admission asks for it, owner references that block need this right on the owner.
  rule(
    SKUPPER,
    ALL_KINDS.map((plural) => `${plural}/finalizers`),
    ['update'],
  ),
  // Policies are the users'.
  rule(POLICY_GROUP, ['accesspolicies'], READ),
  rule(POLICY_GROUP, ['accesspolicies/status'], ['get', 'update', 'patch']),
  rule('', ['configmaps', 'secrets', 'serviceaccounts', 'services'], ALL),
  rule('', ['pods'], READ),
  rule('', ['events'], ['create', 'patch']),
  rule('events.k8s.io', ['events'], ['create', 'patch']),
  rule('apps', ['deployments'], ALL),
  rule('policy', ['poddisruptionbudgets'], ALL),
  rule('rbac.authorization.k8s.io', ['rolebindings', 'roles'], ALL),
  // For the routers of a site, which agree on who speaks for it.
  rule('coordination.k8s.io', ['leases'], ALL),
  rule('networking.k8s.io', ['ingresses', 'networkpolicies'], ALL),
  rule('route.openshift.io', ['routes'], ALL),
  rule('route.openshift.io', ['routes/custom-host'], ['create', 'update']),
  rule('projectcontour.io', ['httpproxies'], ALL),
  rule('gateway.networking.k8s.io', ['gateways', 'tlsroutes'], ALL),
];

/** A controller of the whole cluster: who is there, which policies all go by, and which optional kinds. */
export const CLUSTER_RULES: readonly Rule[] = [
  rule(POLICY_GROUP, ['clusteraccesspolicies'], READ),
  rule(POLICY_GROUP, ['clusteraccesspolicies/status'], ['get', 'update', 'patch']),
  rule('', ['namespaces'], READ),
  rule('apiextensions.k8s.io', ['customresourcedefinitions'], READ),
];

/** In the namespace of the controller itself: to agree on a leader, and to own what the redemption server needs. */
export const OWN_NAMESPACE_RULES: readonly Rule[] = [
  rule('coordination.k8s.io', ['leases'], ALL),
  rule('', ['events'], ['create', 'patch']),
  rule('apps', ['deployments/finalizers'], ['update']),
];

/** The codes in grants and tokens let their reader into the network. */
const SECRET_KINDS: readonly CustomKind[] = ['AccessGrant', 'AccessToken'];
/** Made by the controller; by hand only where one knows why. */
const INTERNAL_KINDS: readonly CustomKind[] = ['SecuredAccess', 'Certificate'];

const readable = plurals(CUSTOM_KINDS.filter((kind) => !SECRET_KINDS.includes(kind)));
const editable = plurals(CUSTOM_KINDS.filter((kind) => !INTERNAL_KINDS.includes(kind)));

/** Imports and what a cluster is called are for controllers to write, whoever may administer a namespace. */
const SERVICES_READ = [
  rule(MCS_GROUP, ['serviceexports', 'serviceimports'], READ),
  rule(ABOUT_GROUP, ['clusterproperties'], READ),
];
const SERVICES_EDIT = [...SERVICES_READ, rule(MCS_GROUP, ['serviceexports'], [...WRITE, 'deletecollection'])];

/** Who owns a namespace says who may use its services; what holds for all is the cluster administrator's. */
const POLICIES_READ = [rule(POLICY_GROUP, ['accesspolicies', 'clusteraccesspolicies'], READ)];
const POLICIES_EDIT = [...POLICIES_READ, rule(POLICY_GROUP, ['accesspolicies'], [...WRITE, 'deletecollection'])];

/**
 * Added to the cluster's own roles of these names, so that who may edit a namespace may connect it and export its services.
 */
export const USER_RULES: Readonly<Record<'view' | 'edit' | 'admin', readonly Rule[]>> = {
  view: [rule(SKUPPER, readable, READ), ...POLICIES_READ, ...SERVICES_READ],
  edit: [
    rule(SKUPPER, ALL_KINDS, READ),
    rule(SKUPPER, editable, [...WRITE, 'deletecollection']),
    ...POLICIES_EDIT,
    ...SERVICES_EDIT,
  ],
  admin: [rule(SKUPPER, ALL_KINDS, [...ALL, 'deletecollection']), ...POLICIES_EDIT, ...SERVICES_EDIT],
};

export const CONTROLLER_NAME = 'skupper-controller';
export const CONTROLLER_LABELS: Readonly<Record<string, string>> = {
  application: CONTROLLER_NAME,
  'app.kubernetes.io/name': CONTROLLER_NAME,
  'app.kubernetes.io/part-of': PART_OF,
};

/** A Role without namespace, or a ClusterRole. `release`: the version of skuprt. */
export function roleObject(
  kind: 'Role' | 'ClusterRole',
  name: string,
  rules: readonly Rule[],
  release: string,
  labels: Readonly<Record<string, string>> = CONTROLLER_LABELS,
): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { name, labels, annotations: { [VERSION_ANNOTATION]: release } },
    rules,
  };
}
