/** Observations of a namespace on Kubernetes for the plans of the site-controller: observed.ts with a cluster around it. */
import type { Resource } from '../../config/api/index.ts';
import { type KubeObject, objectKey } from '../../lib/kube/object.ts';
import type { ClusterView, PodView } from '../../site-controller/reconcile/cluster.ts';
import type { Observed } from '../../site-controller/reconcile/observed.ts';
import type { ControllerSettings } from '../../site-controller/reconcile/settings.ts';
import { observed } from './observed.ts';

export function controllerSettings(parts: Partial<ControllerSettings> = {}): ControllerSettings {
  return {
    name: 'skupper/skupper-controller',
    namespace: 'skupper',
    watchNamespace: undefined,
    requireExplicitControl: false,
    routers: 'deployment',
    routerImage: 'example/skuprt:1',
    routerImagePullPolicy: 'IfNotPresent',
    adaptorImage: 'example/skuprt:1',
    adaptorImagePullPolicy: 'IfNotPresent',
    disableSecurityContext: false,
    enabledAccessTypes: ['local', 'loadbalancer', 'route'],
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
    ...parts,
  };
}

export function pod(name: string, parts: Partial<PodView> = {}): PodView {
  return {
    name,
    namespace: 'ns-west',
    uid: `uid-${name}`,
    labels: {},
    ips: ['10.0.0.7'],
    phase: 'Running',
    isReady: true,
    isDeleting: false,
    message: '',
    ...parts,
  };
}

/** `objects` are what the API server has of kinds that the controller makes. */
export function onCluster(
  resources: Resource[],
  cluster: Partial<Omit<ClusterView, 'objects'>> & { objects?: readonly KubeObject[] } = {},
  parts: Partial<Observed> = {},
): Observed {
  const { objects = [], ...others } = cluster;
  return observed(resources, {
    ports: new Map(),
    hosts: [],
    cluster: {
      settings: controllerSettings(),
      objects: new Map(objects.map((object) => [objectKey(object), object])),
      pods: [],
      apis: new Set(),
      sizings: [],
      labelTemplates: [],
      attached: [],
      bindings: [],
      routers: new Map(),
      invalid: [],
      ...others,
    },
    ...parts,
  });
}
