/** A service in one cluster as a plan sees it: builders of its objects with plain defaults, and an empty view to lay parts over. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { CarrierView, Observed } from '../../../service-controller/reconcile/observed.ts';
import type { ClusterState, ClusterView, IpFamily, ServiceRecord } from '../../../service-controller/records.ts';
import { serviceKey } from '../../../service-controller/records.ts';

export const NAMESPACE = 'shop';
export const NAME = 'web';
export const START = Date.parse('2026-03-01T12:00:00Z');
const CREATED = '2026-03-01T11:00:00Z';

export const HTTP = { name: 'http', protocol: 'TCP', port: 80 } as const;
export const DNS = { name: 'dns', protocol: 'UDP', port: 53 } as const;

export function observed(parts: Partial<Observed> = {}): Observed {
  return {
    namespace: NAMESPACE,
    name: NAME,
    clusterId: 'east',
    clusterSet: 'supercluster',
    properties: {},
    carrier: carrier(),
    carrierFault: undefined,
    isSettled: true,
    startedAt: START - 60_000,
    clusters: [],
    hasNamespace: true,
    service: undefined,
    export: undefined,
    slices: [],
    import: undefined,
    derived: [],
    madeSlices: [],
    connectors: [],
    listeners: [],
    ...parts,
  };
}

export function carrier(parts: Partial<CarrierView> = {}): CarrierView {
  return {
    namespace: 'site',
    siteId: 'site-east',
    ipFamilies: ['IPv4'],
    routers: [
      { name: 'router-1', addresses: [{ family: 'IPv4', address: '10.1.0.1' }], isReady: true, listening: new Set() },
    ],
    ports: new Map(),
    ...parts,
  };
}

export function service(spec: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace: NAMESPACE, uid: 'uid-service', annotations: { private: 'yes' } },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.7',
      clusterIPs: ['10.96.0.7'],
      ipFamilies: ['IPv4'],
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
      sessionAffinity: 'None',
      ...spec,
    },
  };
}

export function madeExport(spec: object = {}, annotations: Record<string, string> = {}): KubeObject {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceExport',
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      uid: 'uid-export',
      generation: 1,
      creationTimestamp: CREATED,
      annotations: { 'skuprt.io/since': '2026-03-01T11:00:00.000Z', ...annotations },
    },
    spec,
  };
}

export interface Pod {
  address: string;
  ready?: boolean;
  terminating?: boolean;
  hostname?: string;
  zone?: string;
  nodeName?: string;
}

/** One EndpointSlice of the Service. */
export function slice(
  pods: readonly Pod[],
  { name = 'web-1', family = 'IPv4', ports = [{ name: 'http', protocol: 'TCP', port: 8080 }] as object[] } = {},
): KubeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': NAME } },
    addressType: family,
    ports,
    endpoints: pods.map(({ address, ready = true, terminating = false, ...rest }) => ({
      addresses: [address],
      conditions: { ready, serving: ready, terminating },
      ...rest,
      targetRef: { name: `pod-${address}` },
    })),
  };
}

/** Exported here, with these pods. */
export function exported(pods: readonly Pod[] = [{ address: '10.0.0.1' }]): Partial<Observed> {
  return { service: service(), export: madeExport(), slices: [slice(pods)] };
}

export function record(parts: Partial<ServiceRecord> = {}): ServiceRecord {
  return {
    namespace: NAMESPACE,
    name: NAME,
    uid: 'uid-remote',
    since: START - 1_000_000,
    type: 'ClusterSetIP',
    ports: [{ ...HTTP }],
    ipFamilies: ['IPv4'],
    sessionAffinity: 'None',
    ready: 1,
    ...parts,
  };
}

/** Another cluster; without a record it exports nothing. */
export function cluster(
  id: string,
  made: ServiceRecord | undefined = record(),
  {
    state = 'live',
    heardAt = START,
    properties = {},
  }: Partial<ClusterView> & { state?: ClusterState; properties?: Record<string, string> } = {},
): ClusterView {
  return {
    id,
    siteId: `site-${id}`,
    state,
    heardAt,
    info: { properties, version: '1' },
    services: new Map(made === undefined ? [] : [[serviceKey(made), made]]),
    ingresses: new Map(),
  };
}

/** Without any record. */
export function silent(id: string): ClusterView {
  return { ...cluster(id), services: new Map() };
}

export const DUAL: readonly IpFamily[] = ['IPv4', 'IPv6'];

export function dualCarrier(): CarrierView {
  const addresses = [
    { family: 'IPv4', address: '10.1.0.1' },
    { family: 'IPv6', address: 'fd00:1::1' },
  ] as const;
  return carrier({ ipFamilies: DUAL, routers: [{ name: 'router-1', addresses, isReady: true, listening: new Set() }] });
}
