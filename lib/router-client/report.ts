/**
 * A router's state as text in a ConfigMap: written by the adaptor beside the router, read by the controller. Pure.
 *
 * Equal states give equal texts, so that nothing is written when nothing changed. What no plan reads is left out: connections
 * of clients and data connections of links, and addresses that are not services.
 */
import { packedText, unpackedText } from '../packed-text.ts';
import { checkOf, choice, type Static, Type } from '../shape.ts';
import type { ConnectionState, RouterState } from './state.ts';

/** Packed above: reports of several pods share a ConfigMap. */
const PLAIN_LENGTH_MAX = 128 * 1024;

/** Roles of connections that links consist of. */
const LINK_ROLES = new Set(['inter-router', 'edge']);
/** Temporary, internal, control and event addresses. */
const NO_SERVICE = /^(temp\.|\$|_|mc\/|sfe\.|vfcr\.|qdrouter|amqp:)/;

const Connection = Type.Object({
  host: Type.String(),
  container: Type.String(),
  role: Type.String(),
  direction: choice(['in', 'out']),
  opened: Type.Boolean(),
});
const Listener = Type.Object({
  operStatus: Type.String(),
  message: Type.String(),
  port: Type.Optional(Type.Integer()),
});

const Report = Type.Object({
  id: Type.String(),
  routerIds: Type.Array(Type.String()),
  connections: Type.Array(Connection),
  connectors: Type.Record(Type.Object({ status: Type.String(), message: Type.String() })),
  listeners: Type.Record(Listener),
  tcpConnectors: Type.Record(Listener),
  consumers: Type.Record(Type.Integer({ minimum: 0 })),
});
const REPORT = checkOf(Report);

export function encodeReport(state: RouterState): string {
  const services = [...state.consumers].filter(([address]) => !NO_SERVICE.test(address));
  const report: Static<typeof Report> = {
    id: state.id,
    routerIds: [...state.routerIds],
    connections: linkConnections(state.connections),
    connectors: sorted(state.connectors),
    listeners: sorted(state.listeners),
    tcpConnectors: sorted(state.tcpConnectors),
    consumers: sorted(new Map(services)),
  };
  return packedText(JSON.stringify(report), PLAIN_LENGTH_MAX);
}

/** Undefined when the text is not a report. */
export function decodeReport(text: string): RouterState | undefined {
  let report: unknown;
  try {
    report = JSON.parse(unpackedText(text) ?? '');
  } catch {
    return undefined;
  }
  if (!REPORT.Check(report)) return undefined;
  const { id, routerIds, connections, connectors, listeners, tcpConnectors, consumers } = report;
  return {
    id,
    routerIds,
    connections,
    connectors: new Map(Object.entries(connectors)),
    listeners: new Map(Object.entries(listeners)),
    tcpConnectors: new Map(Object.entries(tcpConnectors)),
    consumers: new Map(Object.entries(consumers)),
  };
}

function linkConnections(connections: readonly ConnectionState[]): ConnectionState[] {
  const keyed = connections
    .filter(({ role }) => LINK_ROLES.has(role))
    .map((connection): [string, ConnectionState] => [JSON.stringify(connection), connection]);
  return keyed.sort(byKey).map(([, connection]) => connection);
}

function sorted<T>(entries: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...entries].sort(byKey));
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : Number(a > b);
}
