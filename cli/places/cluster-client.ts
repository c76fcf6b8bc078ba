/** What commands use of an API server. Small, so that a map of objects can stand in for one in tests. */
import { isClusterScoped, KINDS, type Kind } from '../../config/api/index.ts';
import type { KubeObject } from '../../lib/kube/object.ts';

export interface ApiKind {
  apiVersion: string;
  /** The plural stands for it in messages and lists where it is not said. */
  kind?: string;
  plural: string;
  /** Unless false. */
  namespaced?: boolean;
}

export interface ListOptions {
  /** Undefined: of the whole cluster. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface PodPort {
  namespace: string;
  pod: string;
  port: number;
}

export interface ForwardedPort {
  /** Of 127.0.0.1. */
  readonly port: number;
  close(): void;
}

/** Every call throws a SkuprtError that says what the API server refused, or that it cannot be reached. */
export interface ClusterClient {
  /** Undefined when there is none, or no such kind. */
  get(api: ApiKind, name: string, namespace?: string): Promise<KubeObject | undefined>;
  /** Undefined when the API server has no such kind. */
  list(api: ApiKind, options?: ListOptions): Promise<KubeObject[] | undefined>;
  create(api: ApiKind, object: KubeObject): Promise<KubeObject>;
  /** Server-side apply under the name of the command line; what others set in the same fields is taken over. */
  apply(api: ApiKind, object: KubeObject): Promise<KubeObject>;
  /** JSON merge patch. */
  patch(api: ApiKind, name: string, namespace: string, change: object): Promise<void>;
  /** Nothing happens when there is none. */
  delete(api: ApiKind, name: string, namespace?: string): Promise<void>;
  /** The answer to a GET of any path. */
  json(path: string): Promise<unknown>;
  /** A port of a pod, on this machine until it is closed; `onError` is told of connections that came to nothing. */
  forwardPort(at: PodPort, onError: (error: Error) => void): Promise<ForwardedPort>;
  /** Of one container; its end where it is long. */
  logs(namespace: string, pod: string, query: { container: string; previous: boolean }): Promise<string>;
}

/** Of a resource of ours, or a Secret. */
export function apiOf(kind: Kind): ApiKind {
  const { apiVersion, plural } = KINDS[kind];
  return { apiVersion, kind, plural, ...(isClusterScoped(kind) && { namespaced: false }) };
}

export const API = {
  namespaces: { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces' },
  pods: { apiVersion: 'v1', kind: 'Pod', plural: 'pods' },
  nodes: { apiVersion: 'v1', kind: 'Node', plural: 'nodes' },
  events: { apiVersion: 'v1', kind: 'Event', plural: 'events' },
  services: { apiVersion: 'v1', kind: 'Service', plural: 'services' },
  secrets: { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' },
  configMaps: { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' },
  serviceAccounts: { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts' },
  deployments: { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' },
  endpointSlices: { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', plural: 'endpointslices' },
  leases: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' },
  roles: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', plural: 'roles' },
  roleBindings: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', plural: 'rolebindings' },
  accessReviews: {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    plural: 'selfsubjectaccessreviews',
  },
  definitions: {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
  },
} as const satisfies Record<string, ApiKind>;
