/**
 * One connection of a connector: dials until it stands and again when it is lost.
 *
 * Tries follow each other quickly at first, since what was lost is mostly back at once, and back off with jitter then.
 */
import { isIP, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Backoff } from '../../lib/backoff.ts';
import { messageOf } from '../../lib/errors.ts';
import type { SaslOptions } from '../amqp/engine/options.ts';
import type { FailoverServer, Peer } from '../core/peer.ts';
import type { ConnectorEntity } from '../management/schema.ts';
import type { LinkSpan } from '../telemetry/trace/link-spans.ts';
import type { AmqpConnectorParts } from './amqp-connector.ts';
import { tlsFacts } from './amqp-listener.ts';
import { type DialTarget, dial } from './dial.ts';
import type { Failover } from './failover.ts';
import { openOptions } from './open-options.ts';
import { peerSite } from './peer-site.ts';
import { choosable } from './sasl-choice.ts';
import { familyOf } from './socket-family.ts';
import { Transport } from './transport.ts';

/** How long after the start or a loss tries follow each other quickly, and then without long pauses: a pod takes so long. */
const QUICK_MS = 2000;
const BRISK_MS = 30_000;
const QUICK_RETRY_MS = 100;
const QUICK_RETRY_JITTER_MS = 150;
const RETRY_INITIAL_MS = 400;
const BRISK_RETRY_MAX_MS = 800;
const RETRY_MAX_MS = 3000;
/** A connection that was closed with an error sooner is a try that failed: who is refused after OPEN shall back off too. */
const STOOD_MS = 500;
const QUICK_CONNECT_TIMEOUT_MS = 1500;
const CONNECT_TIMEOUT_MS = 5000;
/** Where there is another place to go to, no place is waited for longer; a far one with losses needs three. */
const HANDSHAKE_TIMEOUT_OF_SEVERAL_MS = 4000;
/** From the end of the handshake until the other end has opened. */
const OPEN_TIMEOUT_MS = 5000;

export interface LineOptions {
  /** Of the whole group: data connections go where the one for control went. */
  failover: Failover;
  /** A data connection of the group. */
  data: boolean;
  correlator: string | undefined;
}

export interface LineOwner {
  readonly entity: ConnectorEntity;
  failed(line: Line, reason: string, wasOpen: boolean): void;
  /** It stands, at a place that may be another one than before. */
  reached(line: Line): void;
}

export class Line {
  readonly data: boolean;
  peer: Peer | undefined;
  /** Of the sslProfile when it was dialled last. */
  ordinal = 0;
  /** Where it was dialled last. */
  place: FailoverServer | undefined;
  private readonly owner: LineOwner;
  private readonly parts: AmqpConnectorParts;
  private readonly correlator: string | undefined;
  private readonly backoff: Backoff;
  private readonly stopping = new AbortController();
  private readonly failover: Failover;
  private lostAt: number;
  private socket: Socket | undefined;
  private timer: NodeJS.Timeout | undefined;
  private retired = false;
  /** From the first try until the link is up. */
  private span: LinkSpan | undefined;

  constructor(owner: LineOwner, parts: AmqpConnectorParts, { data, correlator, failover }: LineOptions) {
    this.owner = owner;
    this.parts = parts;
    this.data = data;
    this.correlator = correlator;
    this.backoff = new Backoff(parts.random, { initialMs: RETRY_INITIAL_MS, maxMs: RETRY_MAX_MS });
    this.lostAt = parts.driver.now();
    this.failover = failover;
  }

  /** Where it dials, the place in use or next to be tried first. */
  get places(): readonly string[] {
    this.learn();
    return this.failover.places;
  }

  start(): void {
    if (this.stopping.signal.aborted) return;
    this.traceUp();
    let target: DialTarget;
    let sasl: SaslOptions;
    try {
      target = this.target();
      sasl = choosable(this.owner.entity);
    } catch (error) {
      this.lost(messageOf(error));
      return;
    }
    dial(target, this.stopping.signal).then(
      (socket) => this.connected(socket, target, sasl),
      (error) => this.lost(messageOf(error)),
    );
  }

  /** What holds up the next try is over: an sslProfile has its files now. */
  hurry(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.start();
  }

  /** Is not dialled again when it is lost. */
  retire(): void {
    this.retired = true;
    clearTimeout(this.timer);
    if (this.peer === undefined) this.stopping.abort();
    this.endTrace();
  }

  close(): void {
    this.retired = true;
    clearTimeout(this.timer);
    this.stopping.abort();
    this.endTrace();
    this.socket?.destroy();
  }

  private get isQuick(): boolean {
    return this.parts.driver.now() - this.lostAt < QUICK_MS;
  }

  /** @throws TlsProfileError, ProxyError */
  private target(): DialTarget {
    const { role, sslProfile, proxyProfile, verifyHostname, socketAddressFamily } = this.owner.entity;
    const { host, port } = this.failover.current;
    this.place = this.failover.current;
    const { profiles } = this.parts;
    const { hasOthers } = this.failover;
    if (sslProfile) this.ordinal = profiles.ordinal(sslProfile);
    return {
      host,
      port: Number(port),
      family: familyOf(socketAddressFamily),
      proxy: proxyProfile === undefined ? undefined : this.parts.proxyOf?.(proxyProfile),
      connectTimeoutMs: this.isQuick || hasOthers ? QUICK_CONNECT_TIMEOUT_MS : CONNECT_TIMEOUT_MS,
      ...(hasOthers && { handshakeTimeoutMs: HANDSHAKE_TIMEOUT_OF_SEVERAL_MS }),
      tls: sslProfile
        ? {
            secureContext: role === 'normal' ? profiles.publicContext(sslProfile) : profiles.context(sslProfile),
            servername: isIP(host) ? undefined : host,
            host,
            ...(verifyHostname ? {} : { checkServerIdentity: () => undefined }),
          }
        : undefined,
    };
  }

  private connected(socket: Socket, target: DialTarget, sasl: SaslOptions): void {
    if (socket.destroyed || this.stopping.signal.aborted) {
      socket.destroy();
      this.lost('the other end closed the connection');
      return;
    }
    const { driver } = this.parts;
    const { entity } = this.owner;
    const { peer, transport } = openOptions(entity, {
      dir: 'out',
      host: `${target.host}:${target.port}`,
      hostname: target.host,
      encrypted: target.tls !== undefined,
      tls: target.tls ? tlsFacts(socket as TLSSocket) : undefined,
      site: peerSite(socket),
      sasl,
      data: this.data,
      groupCorrelator: this.correlator,
      ordinal: this.ordinal,
    });
    const id = driver.router.connect(peer, transport, driver.now());
    const made = driver.router.peers.get(id)!;
    this.socket = socket;
    this.peer = made;
    const opening = setTimeout(() => this.openedOrNot(made), OPEN_TIMEOUT_MS);
    const gone = (error: Error | undefined): void => {
      clearTimeout(opening);
      this.lost(reasonOf(error, made));
    };
    const carrier = new Transport(id, socket, driver, gone);
    carrier.onUp = () => this.up(made, target);
    driver.transports.set(id, carrier);
    if (!this.data) this.owner.reached(this);
    driver.schedule();
  }

  private traceUp(): void {
    const { name, role } = this.owner.entity;
    if (!this.data && role !== 'normal') this.span ??= this.parts.linkSpans?.begin(name);
  }

  private up({ containerId: peer, cost }: Peer, { host, port }: DialTarget): void {
    this.span?.up({ host, port, peer, cost });
    this.span = undefined;
  }

  private endTrace(): void {
    this.span?.givenUp();
    this.span = undefined;
  }

  /** A process that is frozen lets its kernel take connections. */
  private openedOrNot(peer: Peer): void {
    if (peer.openedAt !== undefined) return;
    const { driver } = this.parts;
    driver.router.close(peer.id, 'amqp:connection:forced', 'the other end has not opened in time', driver.now());
    driver.schedule();
  }

  /** Another place is gone to only where the connector may be led elsewhere. */
  private learn(): void {
    if (this.owner.entity.allowRedirect) this.failover.learn(this.peer?.connection.remoteOpen?.properties);
  }

  private lost(reason: string): void {
    const { openedAt, closeError, connection } = this.peer ?? {};
    this.learn();
    // A place that fell silent will not answer soon.
    if (!this.data) this.failover.failed(openedAt !== undefined && connection?.silent !== true);
    this.socket = undefined;
    this.peer = undefined;
    if (this.stopping.signal.aborted) return;
    this.owner.failed(this, reason, openedAt !== undefined);
    this.span?.failed(reason);
    if (this.retired) return;
    const now = this.parts.driver.now();
    if (openedAt !== undefined && (closeError === undefined || now - openedAt >= STOOD_MS)) {
      this.lostAt = now;
      this.backoff.reset();
    }
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.start();
    }, this.retryDelayMs(now));
  }

  private retryDelayMs(now: number): number {
    if (this.isQuick) return QUICK_RETRY_MS + this.parts.random.next() * QUICK_RETRY_JITTER_MS;
    const delayMs = this.backoff.nextMs();
    return now - this.lostAt < BRISK_MS
      ? Math.min(delayMs, BRISK_RETRY_MAX_MS * (0.5 + this.parts.random.next() / 2))
      : delayMs;
  }
}

/** Why a connection is over. @param error how its socket ended, if not in order */
export function reasonOf(
  error: Error | undefined,
  { openedAt, closeError }: Pick<Peer, 'openedAt' | 'closeError'>,
): string {
  // What was said before the end tells more than how the socket ended.
  if (closeError !== undefined) return [closeError.condition, closeError.description].filter(Boolean).join(': ');
  if (error !== undefined) return messageOf(error);
  return openedAt === undefined
    ? 'the other end closed the connection before it was open'
    : 'the connection was closed';
}
