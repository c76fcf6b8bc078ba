/** Every kind that the service-controller watches, with what it keeps of each. */
import { POLICY_API_VERSION } from '../../../config/api/access-policy.ts';
import { CONFIG_KEY, NAME, ROUTER_SELECTOR } from '../../../config/names.ts';
import { type KubeObject, withoutManagedFields } from '../../../lib/kube/object.ts';
import type { ResourceType } from '../../../lib/kube/resource-type.ts';
import { LABEL, MANAGER, MCS } from '../../names.ts';
import { trimConfigMap, trimPod, trimService, trimSite, trimSlice, trimToName } from './trim.ts';

/** Of a reflector: the kind, or for ConfigMaps the one that it watches. */
export type SourceName =
  | 'Service'
  | 'EndpointSlice'
  | 'Namespace'
  | 'ServiceExport'
  | 'ServiceImport'
  | 'ClusterProperty'
  | 'Site'
  | 'Connector'
  | 'Listener'
  | 'MultiKeyListener'
  | 'Pod'
  | 'RouterConfig'
  | 'RouterStatus'
  | 'Ingress'
  | 'DNSEndpoint'
  | 'ClusterAccessPolicy'
  | 'AccessPolicy';

export interface Watched {
  name: SourceName;
  type: ResourceType;
  labelSelector?: string;
  fieldSelector?: string;
  /**
   * Its API may be missing; it is looked for again and again. Not so for what decides whether services stay: a right that was taken away
   * for a moment must not read as an empty list.
   */
  isOptional?: boolean;
  transform: (object: KubeObject) => KubeObject;
}

const MCS_VERSION = `${MCS.group}/v1beta1`;
const SKUPPER = 'skupper.io/v2alpha1';
const COMPONENT = 'skupper.io/component';
const OURS = `${LABEL.managedBy}=${MANAGER}`;

export const TYPES = {
  Service: { apiVersion: 'v1', kind: 'Service', plural: 'services' },
  EndpointSlice: { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', plural: 'endpointslices' },
  Namespace: { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
  ServiceExport: { apiVersion: MCS_VERSION, kind: 'ServiceExport', plural: 'serviceexports' },
  ServiceImport: { apiVersion: MCS_VERSION, kind: 'ServiceImport', plural: 'serviceimports' },
  ClusterProperty: {
    apiVersion: 'about.k8s.io/v1beta1',
    kind: 'ClusterProperty',
    plural: 'clusterproperties',
    namespaced: false,
  },
  Site: { apiVersion: SKUPPER, kind: 'Site', plural: 'sites' },
  Connector: { apiVersion: SKUPPER, kind: 'Connector', plural: 'connectors' },
  Listener: { apiVersion: SKUPPER, kind: 'Listener', plural: 'listeners' },
  MultiKeyListener: { apiVersion: SKUPPER, kind: 'MultiKeyListener', plural: 'multikeylisteners' },
  Pod: { apiVersion: 'v1', kind: 'Pod', plural: 'pods' },
  ConfigMap: { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' },
  Secret: { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' },
  Deployment: { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' },
  Ingress: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', plural: 'ingresses' },
  ClusterAccessPolicy: {
    apiVersion: POLICY_API_VERSION,
    kind: 'ClusterAccessPolicy',
    plural: 'clusteraccesspolicies',
    namespaced: false,
  },
  AccessPolicy: { apiVersion: POLICY_API_VERSION, kind: 'AccessPolicy', plural: 'accesspolicies' },
  DNSEndpoint: { apiVersion: 'externaldns.k8s.io/v1alpha1', kind: 'DNSEndpoint', plural: 'dnsendpoints' },
} as const satisfies Readonly<Record<string, ResourceType>>;

/** Kinds that are written, with how each is addressed. */
export function typeOfKind(kind: string): ResourceType {
  return TYPES[kind as keyof typeof TYPES];
}

const ALWAYS: readonly Watched[] = [
  { name: 'Service', type: TYPES.Service, transform: trimService },
  { name: 'EndpointSlice', type: TYPES.EndpointSlice, transform: trimSlice },
  { name: 'Namespace', type: TYPES.Namespace, transform: trimToName },
  { name: 'ServiceExport', type: TYPES.ServiceExport, transform: withoutManagedFields },
  { name: 'ServiceImport', type: TYPES.ServiceImport, transform: withoutManagedFields },
  { name: 'ClusterProperty', type: TYPES.ClusterProperty, transform: withoutManagedFields },
  { name: 'Site', type: TYPES.Site, transform: trimSite },
  { name: 'Connector', type: TYPES.Connector, labelSelector: OURS, transform: withoutManagedFields },
  { name: 'Listener', type: TYPES.Listener, labelSelector: OURS, transform: withoutManagedFields },
  {
    name: 'MultiKeyListener',
    type: TYPES.MultiKeyListener,
    labelSelector: OURS,
    transform: withoutManagedFields,
    isOptional: true,
  },
  { name: 'Pod', type: TYPES.Pod, labelSelector: `${COMPONENT}=${ROUTER_SELECTOR[COMPONENT]}`, transform: trimPod },
  // Groups of a site with two routers have the same ports: one ConfigMap tells them.
  {
    name: 'RouterConfig',
    type: TYPES.ConfigMap,
    fieldSelector: `metadata.name=${NAME.router}`,
    transform: trimConfigMap(CONFIG_KEY.router),
  },
  {
    name: 'RouterStatus',
    type: TYPES.ConfigMap,
    fieldSelector: `metadata.name=${NAME.routerStatus}`,
    transform: trimConfigMap(),
  },
  // Without an external domain too: those of a former one have to go.
  {
    name: 'DNSEndpoint',
    type: TYPES.DNSEndpoint,
    labelSelector: OURS,
    transform: withoutManagedFields,
    isOptional: true,
  },
];

/** Without them nothing is refused, as before there were any. */
const POLICIES: readonly Watched[] = (['ClusterAccessPolicy', 'AccessPolicy'] as const).map((name) => {
  return { name, type: TYPES[name], transform: withoutManagedFields, isOptional: true };
});

const WITH_DOMAIN: readonly Watched[] = [
  { name: 'Ingress', type: TYPES.Ingress, transform: withoutManagedFields, isOptional: true },
];

/** Names of an external domain are made of more than services. */
export function watchedFor({ externalDomain }: { externalDomain: string }): readonly Watched[] {
  return [...ALWAYS, ...POLICIES, ...(externalDomain === '' ? [] : WITH_DOMAIN)];
}
