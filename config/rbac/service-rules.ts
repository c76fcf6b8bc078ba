/**
 * What the two processes of services of a cluster set may do. Neither holds a right on the kinds' definitions, on pods beyond looking, or
 * on a Secret but the one by which it connects to a router.
 */
import { POLICY_GROUP } from '../api/access-policy.ts';
import { ABOUT_GROUP } from '../api/cluster-property.ts';
import { EXTERNAL_DNS_GROUP } from '../api/dns-endpoint.ts';
import { MCS_GROUP } from '../api/service-export.ts';
import { PART_OF } from '../crd/definition.ts';
import { ALL, READ, type Rule, rule, SKUPPER } from './rules.ts';

const DISCOVERY = 'discovery.k8s.io';

/** What the router of a site is set up with, and what it says of itself. Watched by field selector, which names are checked against. */
const ROUTER_CONFIG_MAPS = ['skupper-router', 'skupper-router-status'];
/** To speak with the router of the site that carries the services. */
const ROUTER_SECRETS = ['skupper-local-client'];

/** In all namespaces. */
export const SERVICE_CONTROLLER_RULES: readonly Rule[] = [
  // Exports are the users'; an annotation on them keeps since when they count.
  rule(MCS_GROUP, ['serviceexports'], [...READ, 'update', 'patch']),
  rule(MCS_GROUP, ['serviceimports'], ALL),
  rule(MCS_GROUP, ['serviceexports/status', 'serviceimports/status'], ['get', 'update', 'patch']),
  // Where admission asks for it, owner references that block need this right on the owner.
  rule(MCS_GROUP, ['serviceexports/finalizers', 'serviceimports/finalizers'], ['update']),
  // What a cluster is called is made once and never changed.
  rule(ABOUT_GROUP, ['clusterproperties'], [...READ, 'create']),
  rule('', ['services'], ALL),
  rule(DISCOVERY, ['endpointslices'], ALL),
  // OpenShift asks for it where endpoints are addresses of pods.
  rule(DISCOVERY, ['endpointslices/restricted'], ['create']),
  rule(SKUPPER, ['connectors', 'listeners', 'multikeylisteners'], ALL),
  rule(SKUPPER, ['sites'], READ),
  rule(POLICY_GROUP, ['accesspolicies', 'clusteraccesspolicies'], READ),
  rule('', ['namespaces', 'pods'], READ),
  { apiGroups: [''], resources: ['configmaps'], resourceNames: ROUTER_CONFIG_MAPS, verbs: READ },
  { apiGroups: [''], resources: ['secrets'], resourceNames: ROUTER_SECRETS, verbs: READ },
  rule('networking.k8s.io', ['ingresses'], READ),
  rule(EXTERNAL_DNS_GROUP, ['dnsendpoints'], ALL),
  rule('', ['events'], ['create', 'patch']),
  rule('events.k8s.io', ['events'], ['create', 'patch']),
];

/** In its own namespace: to agree on a leader, and to have something that events can be about. */
export const SERVICE_CONTROLLER_OWN_RULES: readonly Rule[] = [
  rule('coordination.k8s.io', ['leases'], ALL),
  rule('apps', ['deployments'], ['get']),
];

/** It answers questions and writes nothing. */
export const DNS_RULES: readonly Rule[] = [
  rule(MCS_GROUP, ['serviceimports'], READ),
  rule(DISCOVERY, ['endpointslices'], READ),
  rule('', ['namespaces'], READ),
  rule(EXTERNAL_DNS_GROUP, ['dnsendpoints'], READ),
];

export const SERVICE_CONTROLLER_NAME = 'skuprt-service-controller';
export const DNS_NAME = 'skuprt-dns';

export function labelsOf(name: string): Record<string, string> {
  return { application: name, 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': PART_OF };
}
