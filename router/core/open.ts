/** What this router says when it opens a connection (wire reference 1.2, 1.3), in the types that skupper-router reads. */
import { amqp, mapGet, symbolMap, type Typed } from '../amqp/codec/value.ts';
import { Connection } from '../amqp/engine/connection.ts';
import type { SaslOptions } from '../amqp/engine/options.ts';
import { INTER_EDGE_CAPABILITY } from './edge-protocol.ts';
import { CONNECTION_TRUNKING, type FailoverServer, type Peer, type PeerOptions, STREAMING_LINKS } from './peer.ts';
import type { Recorder } from './recorder.ts';

export const PRODUCT = 'skuprt-router';
const ANNOTATIONS_VERSION = 2;
const ROLE_INTER_ROUTER_DATA = 4;
/** How often the sender of the OPEN wants to hear from a router that knows this property. */
const PULSE_PROPERTY = 'skuprt.pulse-ms';
const PULSE_MS = 400;
const PULSE_MS_MIN = 100;
/**
 * What a router of ours bears, by docs/adr/0028: a peer that stands still for 300 ms, half a second of round trip, a segment that
 * is lost twice on one connection while it is lost less often on another.
 */
const SILENCE_MS_MAX = 1600;
const LONE_SILENCE_MS_MAX = 6000;
const MEMBER_SILENCE_MS_MAX = 8000;
const TROUBLED_FOR_MS = 60_000;
const CAPABILITIES = ['ANONYMOUS-RELAY', STREAMING_LINKS, CONNECTION_TRUNKING];

/** What the listener or connector entity says of the AMQP connection. */
export interface TransportOptions {
  hostname?: string;
  maxFrameSizeBytes: number;
  /** Frames the peer may send on a session before it must wait. */
  sessionFramesMax?: number;
  channelMax: number;
  /** Silence after which the peer is given up; half of it is advertised. */
  idleTimeoutMs: number;
  sasl: SaslOptions;
}

export interface OpeningRouter {
  readonly id: string;
  readonly version: string;
  /** Tells what a listener is called in records of events. */
  readonly recorder?: Pick<Recorder, 'accessId'> | undefined;
  /** What it says to other routers of who it is. */
  readonly identity?: { readonly links: { readonly openProperties: Record<string, Typed> } } | undefined;
}

export function makeConnection(
  router: OpeningRouter,
  connectionId: number,
  peer: PeerOptions,
  transport: TransportOptions,
  now: number,
): Connection {
  const capabilities = peer.role === 'inter-edge' ? [...CAPABILITIES, INTER_EDGE_CAPABILITY] : CAPABILITIES;
  const connection = new Connection(
    {
      role: peer.dir === 'out' ? 'initiator' : 'acceptor',
      containerId: router.id,
      hostname: transport.hostname,
      maxFrameSizeBytes: transport.maxFrameSizeBytes,
      channelMax: transport.channelMax,
      idleTimeOutMs: transport.idleTimeoutMs / 2,
      offeredCapabilities: capabilities,
      desiredCapabilities: capabilities,
      properties: symbolMap(properties(router, connectionId, peer)),
      sasl: transport.sasl,
      incomingWindowFrames: transport.sessionFramesMax ?? windowFrames(peer.role, transport.maxFrameSizeBytes),
    },
    now,
  );
  connection.open();
  return connection;
}

/** As skupper-router: 8 MiB of a client on a session, 128 MiB of a router, which has many streams there. */
function windowFrames(role: PeerOptions['role'], frameSizeBytes: number): number {
  const sizeBytes = role === 'normal' ? CLIENT_WINDOW_BYTES : ROUTER_WINDOW_BYTES;
  return Math.max(WINDOW_FRAMES_MIN, Math.floor(sizeBytes / frameSizeBytes));
}

const CLIENT_WINDOW_BYTES = 8 * 1024 * 1024;
const ROUTER_WINDOW_BYTES = 128 * 1024 * 1024;
const WINDOW_FRAMES_MIN = 2;

/** Who a peer that came in is: the certificate's name counts only when SASL went by it. */
export function identify({ connection, options }: Peer): void {
  if (options.dir === 'out') return;
  const { saslMechanism, saslUser } = connection;
  if (saslMechanism === 'PLAIN') options.user = saslUser;
  else if (saslMechanism !== 'EXTERNAL') options.user = undefined;
}

/**
 * Between two of ours a peer that vanished is missed in seconds; skupper-router's own times hold with others.
 * @returns whether the peer does the same
 */
export function hurryWithOwnKind(connection: Connection): boolean {
  const wanted = mapGet(connection.remoteOpen?.properties, PULSE_PROPERTY);
  if (wanted?.type !== 'int' || wanted.value < PULSE_MS_MIN) return false;
  // Patience is infinite where the configuration says so.
  const isPatient = !connection.settings.idleTimeOutMs;
  const limit = (silenceMs: number): number => (isPatient ? Number.POSITIVE_INFINITY : silenceMs);
  connection.hurry({
    heartbeatMs: wanted.value,
    troubledHeartbeatMs: wanted.value / 2,
    troubledForMs: TROUBLED_FOR_MS,
    silenceMsMax: limit(SILENCE_MS_MAX),
    loneSilenceMsMax: limit(LONE_SILENCE_MS_MAX),
    memberSilenceMsMax: limit(MEMBER_SILENCE_MS_MAX),
  });
  return true;
}

function properties(router: OpeningRouter, connectionId: number, peer: PeerOptions): Record<string, Typed> {
  const all: Record<string, Typed> = {
    product: amqp.string(PRODUCT),
    version: amqp.string(router.version),
    'qd.conn-id': amqp.int(connectionId),
  };
  if (peer.failover?.length) all['failover-server-list'] = amqp.list(peer.failover.map(failoverItem));
  for (const [key, value] of Object.entries(peer.openProperties ?? {})) all[key] = typedOf(value);
  if (peer.role === 'normal') return all;
  Object.assign(all, router.identity?.links.openProperties);
  all[PULSE_PROPERTY] = amqp.int(PULSE_MS);
  if (peer.cost > 1) all['qd.inter-router-cost'] = amqp.int(peer.cost);
  if (peer.dir === 'out') {
    if (peer.data) all['qd.inter-router-role'] = amqp.int(ROLE_INTER_ROUTER_DATA);
    if (peer.groupCorrelator !== undefined) all['qd.group-correlator'] = amqp.string(peer.groupCorrelator);
    if (peer.encrypted && peer.role === 'inter-router') all['qd.group-ordinal'] = amqp.ulong(peer.groupOrdinal ?? 0);
  } else {
    // Who dials names this as the other end of its link; the record of that name is told by telemetry/vanflow.
    all['qd.access-id'] = amqp.string(router.recorder?.accessId(peer.entity) ?? `${router.id}/${peer.entity}`);
  }
  all['qd.annotations-version'] = amqp.int(ANNOTATIONS_VERSION);
  return all;
}

function failoverItem({ host, port, scheme, hostname }: FailoverServer): Typed {
  return symbolMap({
    'network-host': amqp.string(host),
    port: amqp.string(port),
    ...(scheme === undefined ? {} : { scheme: amqp.string(scheme) }),
    ...(hostname === undefined ? {} : { hostname: amqp.string(hostname) }),
  });
}

/** A value of JSON in the types that skupper-router gives it. */
function typedOf(value: unknown): Typed {
  if (typeof value === 'string') return amqp.string(value);
  if (typeof value === 'boolean') return amqp.boolean(value);
  if (typeof value === 'number') return Number.isInteger(value) ? amqp.long(value) : amqp.double(value);
  if (Array.isArray(value)) return amqp.list(value.map(typedOf));
  if (value !== null && typeof value === 'object') {
    return amqp.map(Object.entries(value).map(([key, each]) => [amqp.string(key), typedOf(each)]));
  }
  return amqp.null();
}
