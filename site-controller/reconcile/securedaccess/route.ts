/** Access types `route` (OpenShift) and `contour-http-proxy`: one object a port that passes TLS through. Control-plane reference 4.4. Pure. */
import type { SecuredAccess } from '../../../config/api/secured-access.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import {
  ACCESS_LABEL,
  type AccessPort,
  type AccessView,
  accessSetting,
  type IngressEntry,
  portName,
  type Realization,
  TLS_PORT,
} from './realization.ts';

export function routeAccess({ access, namespace, live }: AccessView): Realization {
  const domain = accessSetting(access, 'domain');
  const realized = access.spec.ports.map((port) => {
    const name = portName(access, port);
    const status = live('Route', name)?.status as { ingress?: IngressEntry[] } | undefined;
    const entries = status?.ingress ?? [];
    const refused = entries.flatMap(({ conditions }) => conditions ?? []).find(isRefusal)?.message;
    return {
      object: route(access, port, domain && `${name}.${namespace}.${domain}`),
      places: entries
        .filter(({ host, conditions }) => host && !conditions?.some(isRefusal))
        .map(({ host }) => ({ name: port.name, host: host!, port: TLS_PORT })),
      waiting: refused === undefined ? `Route ${name} has no host yet` : `Route ${name} is not admitted: ${refused}`,
    };
  });
  return {
    objects: realized.map(({ object }) => object),
    places: realized.flatMap(({ places }) => places),
    waiting: realized.find(({ places }) => places.length === 0)?.waiting ?? '',
  };
}

function isRefusal({ type, status }: { type: string; status: string }): boolean {
  return type === 'Admitted' && status === 'False';
}

function route(access: SecuredAccess, port: AccessPort, host: string | undefined): KubeObject {
  return {
    apiVersion: 'route.openshift.io/v1',
    kind: 'Route',
    metadata: { name: portName(access, port), labels: { [ACCESS_LABEL]: 'true' } },
    spec: {
      ...(host !== undefined && { host }),
      port: { targetPort: port.name },
      to: { kind: 'Service', name: access.metadata.name, weight: 100 },
      tls: { termination: 'passthrough', insecureEdgeTerminationPolicy: 'None' },
    },
  };
}

/** The host follows from the domain alone; it counts once the proxy is there and not refused. */
export function httpProxyAccess({ access, cluster, namespace, live }: AccessView): Realization {
  const domain = accessSetting(access, 'domain') ?? cluster.settings.httpProxyDomain;
  const suffix = domain === '' ? namespace : `${namespace}.${domain}`;
  const realized = access.spec.ports.map((port) => {
    const name = portName(access, port);
    const host = `${name}.${suffix}`;
    const existing = live('HTTPProxy', name);
    const status = existing?.status as { currentStatus?: string; description?: string } | undefined;
    const isUsable = existing !== undefined && status?.currentStatus !== 'invalid';
    return {
      object: httpProxy(access, port, host),
      places: isUsable ? [{ name: port.name, host, port: TLS_PORT }] : [],
      waiting: existing
        ? `HTTPProxy ${name} is invalid: ${status?.description ?? ''}`
        : `HTTPProxy ${name} is not made yet`,
    };
  });
  return {
    objects: realized.map(({ object }) => object),
    places: realized.flatMap(({ places }) => places),
    waiting: realized.find(({ places }) => places.length === 0)?.waiting ?? '',
  };
}

function httpProxy(access: SecuredAccess, port: AccessPort, fqdn: string): KubeObject {
  return {
    apiVersion: 'projectcontour.io/v1',
    kind: 'HTTPProxy',
    metadata: { name: portName(access, port), labels: { [ACCESS_LABEL]: 'true' } },
    spec: {
      virtualhost: { fqdn, tls: { passthrough: true } },
      tcpproxy: { services: [{ name: access.metadata.name, port: port.port }] },
    },
  };
}
