/** Observations of a site on Kubernetes, for plans: an empty namespace, and what a test adds. */
import type { Resource } from '../../config/api/index.ts';
import { type KubeObject, objectKey } from '../../lib/kube/object.ts';
import type { ClusterView, PodView } from '../../site-controller/reconcile/cluster.ts';
import type { Observed } from '../../site-controller/reconcile/observed.ts';
import type { ControllerSettings } from '../../site-controller/reconcile/settings.ts';
import { observed, SITE_UID } from './observed.ts';

const SETTINGS: ControllerSettings = {
  name: 'skupper/skupper-controller',
  namespace: 'skupper',
  watchNamespace: undefined,
  requireExplicitControl: false,
  routers: 'deployment',
  routerImage: 'skuprt',
  routerImagePullPolicy: 'IfNotPresent',
  adaptorImage: 'skuprt',
  adaptorImagePullPolicy: 'IfNotPresent',
  disableSecurityContext: false,
  enabledAccessTypes: ['local', 'loadbalancer'],
  defaultAccessType: '',
  clusterHost: '',
  ingressDomain: '',
  ingressClassName: '',
  httpProxyDomain: '',
  gatewayClass: '',
  gatewayDomain: '',
  gatewayPort: 8443,
  enableGrants: true,
  grantServer: { autoconfigure: true, baseUrl: '', port: 9090, tlsCredentials: 'skupper-grant-server' },
};

export interface ClusterParts extends Omit<Partial<ClusterView>, 'objects'> {
  objects?: readonly KubeObject[];
}

/** No ports are given out: a test that needs them adds those of `allocatePorts`. */
export function onKubernetes(
  resources: Resource[],
  { objects = [], ...cluster }: ClusterParts = {},
  parts: Partial<Observed> = {},
): Observed {
  return observed(resources, {
    ports: new Map(),
    ...parts,
    cluster: {
      settings: SETTINGS,
      objects: new Map(objects.map((object) => [objectKey(object), object])),
      pods: [],
      apis: new Set(),
      sizings: [],
      labelTemplates: [],
      attached: [],
      bindings: [],
      routers: new Map(),
      invalid: [],
      ...cluster,
    },
  });
}

/** Running and ready, unless the test says otherwise. */
export function pod(name: string, ip: string, parts: Partial<PodView> = {}): PodView {
  return {
    name,
    namespace: 'ns-west',
    uid: `uid-${name}`,
    labels: { app: 'web' },
    ips: [ip],
    phase: 'Running',
    isReady: true,
    isDeleting: false,
    message: '',
    ...parts,
  };
}

/** A Service that somebody else made. */
export function foreignService(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, uid: `uid-${name}` }, spec: { ports: [{ port: 80 }] } };
}

/** What a plan made, as it is found when it has been applied for the site named west. */
export function applied(object: KubeObject): KubeObject {
  const owner = { apiVersion: 'skupper.io/v2alpha1', kind: 'Site', name: 'west', uid: SITE_UID };
  const labels = { ...object.metadata.labels, 'internal.skupper.io/controlled': 'true' };
  return { ...object, metadata: { ...object.metadata, labels, ownerReferences: [owner] } };
}

/** The ConfigMap of a group of routers with these entities. */
export function configMap(name: string, entities: readonly unknown[] | string): KubeObject {
  const text = typeof entities === 'string' ? entities : JSON.stringify(entities);
  const labels = { 'internal.skupper.io/router-config': '' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data: { 'skrouterd.json': text } };
}
