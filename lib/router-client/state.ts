/** What a router says about itself through AMQP management, in the attributes of wire reference 9.2. Pure. */

/** The entity types that the site-controller watches. */
export const WATCHED_TYPES = [
  'router',
  'router.node',
  'router.address',
  'connection',
  'connector',
  'listener',
  'tcpListener',
  'tcpConnector',
] as const;
export type WatchedType = (typeof WATCHED_TYPES)[number];

export type Attributes = Readonly<Record<string, unknown>>;

export interface RouterState {
  /** Of this router. */
  id: string;
  /** Ids of the routers that can be reached, this one included. */
  routerIds: readonly string[];
  connections: readonly ConnectionState[];
  connectors: ReadonlyMap<string, ConnectorState>;
  /** Listeners of every kind by entity name. */
  listeners: ReadonlyMap<string, ListenerState>;
  tcpConnectors: ReadonlyMap<string, ListenerState>;
  /** How many places, here and elsewhere, take messages for a mobile address. */
  consumers: ReadonlyMap<string, number>;
}

export interface ConnectionState {
  host: string;
  container: string;
  role: string;
  direction: 'in' | 'out';
  opened: boolean;
}

export interface ConnectorState {
  status: string;
  message: string;
}

export interface ListenerState {
  /** `up` when it listens, or dials. */
  operStatus: string;
  message: string;
  /** Where a tcpListener listens. */
  port?: number;
}

export function routerStateOf(entities: Readonly<Record<WatchedType, readonly Attributes[]>>): RouterState {
  const id = text(entities.router[0]?.id);
  const reachable = entities['router.node'].filter(isReachable).map((node) => text(node.id));
  return {
    id,
    // An edge router lists no nodes.
    routerIds: [...new Set([id, ...reachable])].sort(),
    connections: entities.connection.map((connection) => ({
      host: text(connection.host),
      container: text(connection.container),
      role: text(connection.role),
      direction: connection.dir === 'in' ? 'in' : 'out',
      opened: connection.opened !== false,
    })),
    connectors: named(entities.connector, (connector) => ({
      status: text(connector.connectionStatus),
      message: text(connector.connectionMsg),
    })),
    listeners: named([...entities.listener, ...entities.tcpListener], (listener) => ({
      ...listenerState(listener),
      ...(listener.port !== undefined && { port: count(listener.port) }),
    })),
    tcpConnectors: named(entities.tcpConnector, listenerState),
    consumers: consumers(entities['router.address']),
  };
}

/** A router stays listed for a while after its last path is gone. */
function isReachable({ cost, nextHop }: Attributes): boolean {
  return (cost !== undefined && cost !== null) || nextHop === '(self)';
}

function listenerState(attributes: Attributes): ListenerState {
  return { operStatus: text(attributes.operStatus), message: text(attributes.connectionMsg) };
}

function consumers(addresses: readonly Attributes[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const address of addresses) {
    const key = text(address.key) || text(address.name);
    if (!key.startsWith('M')) continue;
    counts.set(key.slice(1), count(address.subscriberCount) + count(address.remoteCount) + count(address.inProcess));
  }
  return counts;
}

function named<T>(entities: readonly Attributes[], read: (attributes: Attributes) => T): Map<string, T> {
  return new Map(entities.map((attributes) => [text(attributes.name), read(attributes)]));
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}

function count(value: unknown): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) ? number : 0;
}
