/** The Service of an access, and the access types that need nothing else: local, loadbalancer, nodeport, host. Pure. */
import type { SecuredAccess } from '../../../config/api/secured-access.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { AccessType } from '../settings.ts';
import { ACCESS_LABEL, type AccessView, balancerEntries, type Place, type Realization } from './realization.ts';

const SERVICE_TYPES: Partial<Record<AccessType, string>> = { loadbalancer: 'LoadBalancer', nodeport: 'NodePort' };

export function accessService(access: SecuredAccess, type: AccessType): KubeObject {
  const { selector, ports } = access.spec;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: access.metadata.name, labels: { [ACCESS_LABEL]: 'true' } },
    spec: {
      type: SERVICE_TYPES[type] ?? 'ClusterIP',
      ipFamilyPolicy: 'PreferDualStack',
      selector,
      ports: ports.map(({ name, port, targetPort, protocol }) => ({
        name,
        port,
        targetPort: targetPort ?? port,
        protocol: protocol || 'TCP',
      })),
    },
  };
}

export function localAccess({ access, namespace }: AccessView): Realization {
  const host = `${access.metadata.name}.${namespace}`;
  const places = access.spec.ports.map(({ name, port }) => ({ name, host, port: String(port) }));
  return { objects: [], places, waiting: '' };
}

/** Each address of each family that the balancer has. */
export function balancerAccess({ access, live }: AccessView): Realization {
  const entries = balancerEntries(live('Service', access.metadata.name));
  const hosts = entries.map(({ ip, hostname }) => ip || hostname || '').filter(Boolean);
  const places = [...new Set(hosts)].flatMap((host) =>
    access.spec.ports.map(({ name, port }) => ({ name, host, port: String(port) })),
  );
  return { objects: [], places, waiting: `the load balancer gave Service ${access.metadata.name} no address yet` };
}

export function nodePortAccess({ access, cluster, live }: AccessView): Realization {
  const spec = live('Service', access.metadata.name)?.spec as { ports?: ServicePort[] } | undefined;
  const places = (spec?.ports ?? []).flatMap(({ name, nodePort }): Place[] =>
    nodePort ? [{ name: name ?? '', host: cluster.settings.clusterHost, port: String(nodePort) }] : [],
  );
  return { objects: [], places, waiting: `Service ${access.metadata.name} has no node ports yet` };
}

/** The router is a process of the host: its own ports are the endpoints. */
export function hostAccess({ access, cluster }: AccessView): Realization {
  const host = cluster.settings.clusterHost;
  const places = access.spec.ports.map(({ name, port, targetPort }) => ({
    name,
    host,
    port: String(targetPort ?? port),
  }));
  return { objects: [], places, waiting: '' };
}

interface ServicePort {
  name?: string;
  nodePort?: number;
}
