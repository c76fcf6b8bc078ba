/** The router's ports that were given out before, found in what outlives the controller. Pure. */

import { LISTENER_LABEL, ROUTER_CONFIG_LABEL } from '../../../config/names.ts';
import { isPort, type PortEntry, portEntries } from '../../../config/router-config.ts';
import { isRecord } from '../../../lib/shape.ts';
import type { ClusterView } from '../cluster.ts';

/** Ports by the name of the tcpListener: of the first group's configuration, of the others', of running routers. */
export function recoveredPorts(cluster: ClusterView): Map<string, number> {
  const ports = new Map<string, number>();
  const keep = (name: string, port: number | undefined) => {
    if (port !== undefined && isPort(port) && !ports.has(name)) ports.set(name, port);
  };
  for (const { name, port } of tcpListeners(cluster)) keep(name, port);
  for (const router of cluster.routers.values()) {
    for (const [name, { port }] of router.listeners) keep(name, port);
  }
  return ports;
}

/** Names of the tcpListeners in the routers' configuration. */
export function configuredListeners(cluster: ClusterView): string[] {
  return tcpListeners(cluster).map(({ name }) => name);
}

/** Ports that a router may still listen on, for whomever. */
export function listenedPorts(cluster: ClusterView): Set<number> {
  const ofConfig = configEntries(cluster).map(({ port }) => port);
  const ofRouters = [...cluster.routers.values()].flatMap(({ listeners }) =>
    [...listeners.values()].map(({ port }) => port),
  );
  return new Set([...ofConfig, ...ofRouters].filter((port) => port !== undefined));
}

/** Ports of routers that Services of listeners lead to, by `service:port`. */
export function targetPorts(cluster: ClusterView): Map<string, number> {
  const services = [...cluster.objects.values()].filter(
    ({ kind, metadata }) => kind === 'Service' && metadata.labels?.[LISTENER_LABEL] !== undefined,
  );
  return new Map(
    services.flatMap(({ metadata, spec }) =>
      portsOf(spec).map(({ port, targetPort }) => [`${metadata.name}:${port}`, Number(targetPort)] as const),
    ),
  );
}

function tcpListeners(cluster: ClusterView): PortEntry[] {
  return configEntries(cluster).filter(({ type }) => type === 'tcpListener');
}

function configEntries(cluster: ClusterView): PortEntry[] {
  return [...cluster.objects.values()]
    .filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.labels?.[ROUTER_CONFIG_LABEL] !== undefined)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap(({ data }) => portEntries(data));
}

function portsOf(spec: unknown): Record<string, unknown>[] {
  return isRecord(spec) && Array.isArray(spec.ports) ? (spec.ports as unknown[]).filter(isRecord) : [];
}
