/** Which way of access a resource gets: what it asks for, what the controller was set up with, what the cluster has. Control-plane reference 4.1, 4.4. Pure. */
import { apiName, type ClusterView } from '../cluster.ts';
import { ACCESS_TYPES, type AccessType } from '../settings.ts';

const ROUTE_API = apiName('route.openshift.io/v1', 'Route');
const HTTP_PROXY_API = apiName('projectcontour.io/v1', 'HTTPProxy');
const TLS_ROUTE_API = apiName('gateway.networking.k8s.io/v1alpha2', 'TLSRoute');
/** Values that leave the choice to the controller. */
const UNSPECIFIED = new Set(['', 'default']);

export type AccessChoice = { type: AccessType } | { fault: string };

/** Names the value and what may be written instead when it cannot be had. */
export function chooseAccessType(cluster: ClusterView, requested: string | undefined): AccessChoice {
  const { settings } = cluster;
  const name = UNSPECIFIED.has(requested ?? '') ? defaultAccessType(cluster) : requested!;
  const offered = settings.enabledAccessTypes.join(', ') || 'none';
  if (!isAccessType(name)) return { fault: `unsupported access type "${name}"; this controller offers: ${offered}` };
  if (!settings.enabledAccessTypes.includes(name)) {
    return { fault: `unsupported access type "${name}": not enabled in this controller, which offers: ${offered}` };
  }
  const fault = missingPart(cluster, name);
  return fault === undefined ? { type: name } : { fault: `access type "${name}" ${fault}` };
}

export function isOffered({ settings }: ClusterView, accessType: string): boolean {
  return isAccessType(accessType) && settings.enabledAccessTypes.includes(accessType);
}

function defaultAccessType({ settings, apis }: ClusterView): string {
  const { defaultAccessType: configured, enabledAccessTypes } = settings;
  if (configured !== '') return configured;
  if (apis.has(ROUTE_API) && enabledAccessTypes.includes('route')) return 'route';
  if (enabledAccessTypes.includes('loadbalancer')) return 'loadbalancer';
  return enabledAccessTypes[0] ?? '';
}

/** What the cluster or the set-up of the controller lacks. */
function missingPart({ settings, apis }: ClusterView, type: AccessType): string | undefined {
  switch (type) {
    case 'nodeport':
    case 'host':
      return settings.clusterHost === '' ? 'needs the cluster host in the set-up of the controller' : undefined;
    case 'route':
      return apis.has(ROUTE_API)
        ? undefined
        : 'needs the kind Route (route.openshift.io), which this cluster does not have';
    case 'contour-http-proxy':
      return apis.has(HTTP_PROXY_API)
        ? undefined
        : 'needs the kind HTTPProxy (projectcontour.io), which this cluster does not have';
    case 'gateway':
      if (settings.gatewayClass === '') return 'needs the gateway class in the set-up of the controller';
      return apis.has(TLS_ROUTE_API)
        ? undefined
        : 'needs the kind TLSRoute (gateway.networking.k8s.io/v1alpha2), which this cluster does not have';
    default:
      return undefined;
  }
}

function isAccessType(name: string): name is AccessType {
  return ACCESS_TYPES.some((known) => known === name);
}
