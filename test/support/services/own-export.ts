/** A Service and its ServiceExport in their own cluster, as a plan sees them, and what the others are told of them. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { Observed } from '../../../service-controller/reconcile/observed.ts';
import { ownExport } from '../../../service-controller/reconcile/serviceexport/own-record.ts';
import type { ClusterView, ServiceRecord } from '../../../service-controller/records.ts';
import { observed as view } from './observed-service.ts';

export const NOW = Date.parse('2026-03-01T12:00:00Z');
export const CREATED = '2026-03-01T11:00:00Z';
export const CREATED_MS = Date.parse(CREATED);
export const SINCE = { 'skuprt.io/since': '2026-03-01T11:00:00.000Z' };

export function service(spec: object = {}, parts: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'be-svc', namespace: 'backend', uid: 'uid-service' },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.7',
      clusterIPs: ['10.96.0.7'],
      ipFamilies: ['IPv4'],
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ...spec,
    },
    ...parts,
  };
}

export function madeExport(spec: object = {}, metadata: object = {}, status: object = {}): KubeObject {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceExport',
    metadata: {
      name: 'be-svc',
      namespace: 'backend',
      uid: 'uid-export',
      generation: 3,
      creationTimestamp: CREATED,
      annotations: SINCE,
      ...metadata,
    },
    spec,
    status,
  };
}

export const annotated = (annotations: Record<string, string>) =>
  madeExport({}, { annotations: { ...SINCE, ...annotations } });

export type Endpoint = { addresses: string[]; conditions?: object; hostname?: string; targetRef?: object };

export function slice(endpoints: Endpoint[], addressType = 'IPv4'): KubeObject {
  const metadata = { name: `slice-${addressType}`, namespace: 'backend' };
  return { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, addressType, endpoints, ports: [] };
}

export const pod = (uid: string, address: string, ready?: boolean, hostname?: string): Endpoint => ({
  addresses: [address],
  ...(ready !== undefined && { conditions: { ready } }),
  ...(hostname !== undefined && { hostname }),
  targetRef: { kind: 'Pod', namespace: 'backend', name: uid, uid },
});

export function observed(parts: Partial<Observed> = {}): Observed {
  const own = { namespace: 'backend', name: 'be-svc', service: service(), export: madeExport() };
  return view({ ...own, startedAt: 0, ...parts });
}

export const record = (parts: Partial<Observed> = {}): ServiceRecord => ownExport(observed(parts))!.record!;
export const valid = (parts: Partial<Observed> = {}) => ownExport(observed(parts))!.valid;

export function cluster(id: string, exported: ServiceRecord, state: ClusterView['state'] = 'live'): ClusterView {
  const services = new Map([[`${exported.namespace}/${exported.name}`, exported]]);
  const info = { properties: {}, version: '1' };
  return { id, siteId: `site-${id}`, state, heardAt: NOW, info, services, ingresses: new Map() };
}
