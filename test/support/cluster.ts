/** What plans see of a cluster: an empty namespace under a controller with its usual settings, and what a test adds. */
import { type KubeObject, objectKey } from '../../lib/kube/object.ts';
import type { ClusterView, PodView } from '../../site-controller/reconcile/cluster.ts';
import type { ControllerSettings } from '../../site-controller/reconcile/settings.ts';
import { SITE_UID } from './observed.ts';

export function settings(parts: Partial<ControllerSettings> = {}): ControllerSettings {
  return {
    name: 'skupper/skupper-controller',
    namespace: 'skupper',
    pod: 'skupper-controller-1',
    watchNamespace: undefined,
    requireExplicitControl: false,
    routers: 'deployment',
    routerImage: 'registry.example/skuprt:1',
    routerImagePullPolicy: 'IfNotPresent',
    adaptorImage: 'registry.example/skuprt:1',
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

export interface ClusterParts extends Omit<Partial<ClusterView>, 'settings' | 'objects'> {
  settings?: Partial<ControllerSettings>;
  objects?: readonly KubeObject[];
}

export function cluster(parts: ClusterParts = {}): ClusterView {
  return {
    pods: [],
    apis: new Set<string>(),
    sizings: [],
    labelTemplates: [],
    attached: [],
    bindings: [],
    routers: new Map(),
    invalid: [],
    ...parts,
    settings: settings(parts.settings),
    objects: new Map((parts.objects ?? []).map((object) => [objectKey(object), object])),
  };
}

/** An object as the controller made it for the site west, with what an API server says about it. */
export function live(kind: string, name: string, members: object = {}, metadata: object = {}): KubeObject {
  return { ...foreign(kind, name, members), metadata: { ...ownMetadata(name), ...metadata } };
}

/** An object that somebody else made. */
export function foreign(kind: string, name: string, members: object = {}): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name }, ...members };
}

function ownMetadata(name: string): KubeObject['metadata'] {
  const owner = { apiVersion: 'skupper.io/v2alpha1', kind: 'Site', name: 'west', uid: SITE_UID, controller: true };
  return { name, labels: { 'internal.skupper.io/controlled': 'true' }, ownerReferences: [owner] };
}

export function pod(name: string, parts: Partial<PodView> = {}): PodView {
  return {
    name,
    namespace: 'ns-west',
    uid: `uid-${name}`,
    labels: { 'skupper.io/component': 'router', 'skupper.io/type': 'site', 'skupper.io/group': 'skupper-router' },
    ips: ['10.1.0.7'],
    phase: 'Running',
    isReady: true,
    isDeleting: false,
    message: '',
    ...parts,
  };
}
