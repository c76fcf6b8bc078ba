/** The router's ports that were given out before, found in what outlives the controller. Pure. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { ClusterView } from '../cluster.ts';
import { LISTENER_LABEL } from './service-name.ts';

const CONFIG_LABEL = 'internal.skupper.io/router-config';
const CONFIG_KEY = 'skrouterd.json';

/** Attributes of one entity of a router's configuration, as somebody wrote them. */
interface ConfigEntry {
  type: string;
  name: string;
  port: number;
}

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

function tcpListeners(cluster: ClusterView): ConfigEntry[] {
  return configEntries(cluster).filter(({ type }) => type === 'tcpListener');
}

function configEntries(cluster: ClusterView): ConfigEntry[] {
  return [...cluster.objects.values()]
    .filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.labels?.[CONFIG_LABEL] !== undefined)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap(entriesOf);
}

/** Somebody may have changed it by hand: what cannot be read is written again. */
function entriesOf({ data }: KubeObject): ConfigEntry[] {
  const text = isRecord(data) ? data[CONFIG_KEY] : undefined;
  let entities: unknown;
  try {
    entities = JSON.parse(typeof text === 'string' ? text : '[]');
  } catch {
    return [];
  }
  return (Array.isArray(entities) ? entities : []).flatMap((entity: unknown) => {
    const [type, attributes]: unknown[] = Array.isArray(entity) ? entity : [];
    if (typeof type !== 'string' || !isRecord(attributes) || attributes.port === undefined) return [];
    return [{ type, name: String(attributes.name), port: Number(attributes.port) }];
  });
}

function portsOf(spec: unknown): Record<string, unknown>[] {
  return isRecord(spec) && Array.isArray(spec.ports) ? (spec.ports as unknown[]).filter(isRecord) : [];
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
