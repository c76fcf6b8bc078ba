/**
 * Access type `gateway`: one Gateway in the controller's namespace for all sites, and a TLSRoute for each port. Control-plane reference 4.4.
 * Every site that needs the Gateway asks for the same one. Pure.
 */
import type { SecuredAccess } from '../../../config/api/secured-access.ts';
import { CONTROLLED_LABEL } from '../../../config/names.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { ClusterView } from '../cluster.ts';
import type { ControllerSettings } from '../settings.ts';
import {
  ACCESS_LABEL,
  type AccessPort,
  type AccessView,
  accessSetting,
  portName,
  type Realization,
  wildcardDomain,
} from './realization.ts';

export const GATEWAY_NAME = 'skupper';
const LISTENER_NAME = 'tls';

export function gatewayAccess({ access, cluster, namespace, live }: AccessView): Realization {
  const { settings } = cluster;
  // One that somebody else made under that name is used as it is.
  const isForeign = cluster.gateway !== undefined && cluster.gateway.metadata.labels?.[CONTROLLED_LABEL] !== 'true';
  const objects = isForeign ? [] : [gateway(settings)];
  const domain = accessSetting(access, 'domain') ?? (settings.gatewayDomain || deducedDomain(cluster.gateway));
  const isResolved = cluster.gateway !== undefined && domain !== '';
  const realized = access.spec.ports.map((port) => {
    const name = portName(access, port);
    const existing = live('TLSRoute', name);
    // A route stays as it is while the Gateway has no address: it may get the same again.
    const host = domain === '' ? hostOf(existing) : `${name}.${namespace}.${domain}`;
    const refused = refusal(existing);
    const isUsable = isResolved && existing !== undefined && refused === undefined;
    return {
      objects: host === undefined ? [] : [tlsRoute(access, port, host, settings)],
      places: isUsable ? [{ name: port.name, host: host!, port: String(settings.gatewayPort) }] : [],
      waiting:
        refused === undefined ? `TLSRoute ${name} is not made yet` : `TLSRoute ${name} is not accepted: ${refused}`,
    };
  });
  const waiting = realized.find(({ places }) => places.length === 0)?.waiting ?? '';
  return {
    objects: [...objects, ...realized.flatMap((part) => part.objects)],
    places: realized.flatMap(({ places }) => places),
    waiting: isResolved ? waiting : 'Gateway base domain not yet resolved',
  };
}

function hostOf(route: KubeObject | undefined): string | undefined {
  return (route?.spec as { hostnames?: string[] } | undefined)?.hostnames?.[0];
}

function gateway({ namespace, gatewayClass, gatewayPort }: ControllerSettings): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: GATEWAY_NAME, namespace, labels: { [CONTROLLED_LABEL]: 'true' } },
    spec: {
      gatewayClassName: gatewayClass,
      listeners: [
        {
          name: LISTENER_NAME,
          protocol: 'TLS',
          port: gatewayPort,
          tls: { mode: 'Passthrough' },
          allowedRoutes: { namespaces: { from: 'All' } },
        },
      ],
    },
  };
}

/** A name is better than an address. */
function deducedDomain(gatewayObject: ClusterView['gateway']): string {
  const status = gatewayObject?.status as { addresses?: { type?: string; value?: string }[] } | undefined;
  const addressOf = (wanted: string) => status?.addresses?.find(({ type, value }) => type === wanted && value)?.value;
  const address = addressOf('IPAddress');
  return addressOf('Hostname') ?? (address === undefined ? '' : wildcardDomain(address));
}

function refusal(route: KubeObject | undefined): string | undefined {
  const status = route?.status as { parents?: { conditions?: RouteCondition[] }[] } | undefined;
  const conditions = (status?.parents ?? []).flatMap((parent) => parent.conditions ?? []);
  const refused = conditions.find(({ type, status: state }) => type === 'Accepted' && state === 'False');
  return refused && (refused.message || refused.reason || 'no reason given');
}

interface RouteCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

function tlsRoute(access: SecuredAccess, port: AccessPort, host: string, settings: ControllerSettings): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1alpha2',
    kind: 'TLSRoute',
    metadata: { name: portName(access, port), labels: { [ACCESS_LABEL]: 'true' } },
    spec: {
      parentRefs: [
        {
          group: 'gateway.networking.k8s.io',
          kind: 'Gateway',
          name: GATEWAY_NAME,
          namespace: settings.namespace,
          sectionName: LISTENER_NAME,
        },
      ],
      hostnames: [host],
      rules: [{ backendRefs: [{ group: '', kind: 'Service', name: access.metadata.name, port: port.port }] }],
    },
  };
}
