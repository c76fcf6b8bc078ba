/**
 * Connections as management shows them: AMQP connections of clients and routers, and each TCP flow as a connection of
 * protocol `tcp`, which is how skupper-router shows it. A flow's identity is `tcp/<id>`.
 */
import type { Peer } from '../core/peer.ts';
import type { ShownEntity } from '../management/managed-router.ts';
import { plain } from '../management/wire-values.ts';
import type { FlowSocket } from './flow-socket.ts';
import type { Shown } from './show.ts';
import { type ShownFlow, shownFlows } from './show-flows.ts';

export function connections(shown: Shown, protocol?: string): ShownEntity[] {
  const isWanted = (name: string) => protocol === undefined || protocol === name;
  return [
    ...(isWanted('amqp') ? [...shown.router.peers.values()].map((peer) => amqpConnection(peer, shown)) : []),
    ...(isWanted('tcp') ? [...shownFlows(shown)].map((flow) => tcpAsConnection(flow, shown)) : []),
  ];
}

export function tcpConnections(shown: Shown): ShownEntity[] {
  return [...shownFlows(shown)].map(({ flow, direction, address, socket }) => ({
    identity: `tcpConnection/${flow.id}`,
    address,
    host: hostOf(socket),
    direction,
    bytesIn: flow.bytesIn,
    bytesOut: flow.bytesOut,
    uptimeSeconds: secondsSince(socket?.openedAt, shown),
  }));
}

function amqpConnection(peer: Peer, shown: Shown): ShownEntity {
  const { options, connection } = peer;
  const { saslMechanism } = connection;
  // As skupper-router calls one that has not said who it is, with SASL or without.
  const user = options.user ?? connection.saslUser ?? 'anonymous';
  const { lastDeliveryAt } = connection;
  return {
    name: `connection/${options.host}`,
    identity: String(peer.id),
    host: options.host,
    role: peer.role,
    protocol: 'amqp',
    dir: options.dir,
    container: peer.containerId || null,
    sasl: saslMechanism,
    isAuthenticated: saslMechanism !== undefined,
    user,
    isEncrypted: options.encrypted,
    sslProto: options.tls?.protocol,
    sslCipher: options.tls?.cipher,
    sslSsf: strengthOf(options.tls?.cipher),
    ssl: options.encrypted,
    properties: plain(connection.remoteOpen?.properties) ?? {},
    opened: peer.openedAt !== undefined,
    active: peer.role !== 'edge' || shown.router.uplinks === undefined || shown.router.uplinks.active === peer,
    adminStatus: 'enabled',
    operStatus: 'up',
    enableProtocolTrace: shown.driver?.protocolTrace?.isChosen(peer.id) ?? false,
    uptimeSeconds: secondsSince(peer.openedAt, shown),
    lastDlvSeconds: lastDeliveryAt < 0 ? null : secondsSince(lastDeliveryAt, shown),
    meshId: peer.meshId,
    site: shown.router.identity?.links.identity.neighbours.of(peer.id)?.siteId ?? options.site,
    siteVerified: peer.role === 'normal' ? null : options.site !== undefined,
    tlsOrdinal: options.encrypted ? (options.tlsOrdinal ?? 0) : null,
    groupCorrelationId: peer.groupCorrelator,
    groupOrdinal: peer.groupCorrelator === undefined ? null : peer.groupOrdinal,
  };
}

/** What skupper-router calls the container of every TCP connection. */
const TCP_CONTAINER = 'TcpAdaptor';

function tcpAsConnection({ flow, direction, socket }: ShownFlow, shown: Shown): ShownEntity {
  const tls = socket?.tls;
  const seconds = secondsSince(socket?.openedAt, shown);
  const host = hostOf(socket);
  return {
    name: `connection/${host}`,
    identity: `tcp/${flow.id}`,
    host,
    localSocket: socket?.ends.local,
    role: 'normal',
    protocol: 'tcp',
    dir: direction,
    container: TCP_CONTAINER,
    sasl: '',
    isAuthenticated: false,
    user: '',
    isEncrypted: tls !== undefined,
    sslProto: tls?.protocol,
    sslCipher: tls?.cipher,
    sslSsf: strengthOf(tls?.cipher),
    ssl: tls !== undefined,
    properties: TCP_PROPERTIES,
    opened: true,
    active: true,
    adminStatus: 'enabled',
    operStatus: 'up',
    enableProtocolTrace: false,
    uptimeSeconds: seconds,
    // A flow is one delivery each way, which begins with it.
    lastDlvSeconds: seconds,
    tlsOrdinal: tls === undefined ? null : (socket?.credentials?.ordinal ?? 0),
  };
}

const TCP_PROPERTIES = { 'qd.adaptor': 'tcp' };

function hostOf(socket: FlowSocket | undefined): string {
  return socket?.ends.remote ?? '';
}

/** Bits of the key that a cipher is used with; 0 in the clear, or when the name does not tell. */
function strengthOf(cipher: string | undefined): number {
  if (cipher === undefined) return 0;
  if (cipher.includes('CHACHA20')) return 256;
  return Number(/AES_?(128|192|256)/.exec(cipher)?.[1] ?? 0);
}

function secondsSince(at: number | undefined, { now }: Shown): number {
  return at === undefined ? 0 : Math.max(0, Math.floor((now() - at) / 1000));
}
