/** What a pass of the controller sees beyond the resources of its namespace when the site lives on Kubernetes. Plain values. */
import type { AttachedConnector } from '../../config/api/attached-connector.ts';
import type { AttachedConnectorBinding } from '../../config/api/attached-connector-binding.ts';
import type { Kind } from '../../config/api/index.ts';
import type { KubeObject, ObjectKey, ObjectMeta } from '../../lib/kube/object.ts';
import type { RouterState } from '../../lib/router-client/state.ts';
import type { PolicyResource } from './policy/documents.ts';
import type { GovernedService } from './policy/governed.ts';
import type { ControllerSettings } from './settings.ts';

export interface ClusterView {
  settings: ControllerSettings;
  /** Objects of the namespace of every kind that the controller makes (`MADE_KINDS`), its own and those of others. */
  objects: ReadonlyMap<ObjectKey, KubeObject>;
  /** Pods of the namespace, by name. */
  pods: readonly PodView[];
  /** Optional kinds that the API server has, as `Route.route.openshift.io`. */
  apis: ReadonlySet<string>;
  /** ConfigMaps with the label `skupper.io/site-sizing`, of the controller's namespace. */
  sizings: readonly KubeObject[];
  /** ConfigMaps with the label `skupper.io/label-template`, of this namespace and of the controller's. */
  labelTemplates: readonly KubeObject[];
  /** AttachedConnectors of other namespaces that name this one as that of their site. */
  attached: readonly AttachedView[];
  /** AttachedConnectorBindings of other namespaces that name this one as that of their connector. */
  bindings: readonly AttachedConnectorBinding[];
  /** The Gateway `skupper` of the controller's namespace, while access by gateway is enabled. */
  gateway?: KubeObject;
  /** What the routers of this site say, by the name of their pod. */
  routers: ReadonlyMap<string, RouterState>;
  /** AccessPolicies of other namespaces whose services this site has. */
  policies?: readonly PolicyResource[];
  /** Services of this namespace that sites of other namespaces have. */
  carried?: readonly GovernedService[];
  /** Data of the ConfigMaps that tell the routers which pod has which address; absent while nobody wants it. */
  workloads?: readonly Readonly<Record<string, string>>[];
  /** Resources that the API server took and that cannot be acted upon. */
  invalid: readonly InvalidResource[];
}

export interface AttachedView {
  connector: AttachedConnector;
  /** Pods of the connector's namespace. */
  pods: readonly PodView[];
}

export interface PodView {
  name: string;
  namespace: string;
  uid: string;
  labels: Readonly<Record<string, string>>;
  /** Every address, the primary first; empty until it has one. */
  ips: readonly string[];
  phase: string;
  isReady: boolean;
  isDeleting: boolean;
  /** Why it is not ready, as Kubernetes says; empty when it is. */
  message: string;
}

export interface InvalidResource {
  kind: Kind;
  metadata: ObjectMeta;
  status: object | undefined;
  /** Every fault with its path. */
  message: string;
}

/** Kinds of objects that the controller makes beside `skupper.io` resources and Secrets. */
export const MADE_KINDS = [
  { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' },
  { apiVersion: 'v1', kind: 'Service', plural: 'services' },
  { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts' },
  { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' },
  { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', plural: 'poddisruptionbudgets' },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', plural: 'roles' },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', plural: 'rolebindings' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', plural: 'ingresses' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', plural: 'networkpolicies', optional: true },
  { apiVersion: 'route.openshift.io/v1', kind: 'Route', plural: 'routes', optional: true },
  { apiVersion: 'projectcontour.io/v1', kind: 'HTTPProxy', plural: 'httpproxies', optional: true },
  { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', plural: 'gateways', optional: true },
  { apiVersion: 'gateway.networking.k8s.io/v1alpha2', kind: 'TLSRoute', plural: 'tlsroutes', optional: true },
] as const;

/** `Kind.group`, as in `ClusterView.apis`. */
export function apiName(apiVersion: string, kind: string): string {
  return `${kind}.${apiVersion.split('/', 1)[0]}`;
}

/** The object of that kind and name in the namespace, whoever made it. */
export function objectOf(cluster: ClusterView, kind: string, name: string): KubeObject | undefined {
  return cluster.objects.get(`${kind}/${name}`);
}
