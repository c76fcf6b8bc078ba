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
import type { Peer } from '../core/peer.ts';
import { type ConnectorEntity, portNumber } from '../management/schema.ts';
import type { AmqpConnectorParts } from './amqp-connector.ts';
import { tlsFacts } from './amqp-listener.ts';
import { type DialTarget, dial } from './dial.ts';
import { Failover } from './failover.ts';
import { openOptions } from './open-options.ts';
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

export interface LineOptions {
  /** A data connection of the group. */
  data: boolean;
  correlator: string | undefined;
}

export interface LineOwner {
  readonly entity: ConnectorEntity;
  failed(line: Line, reason: string, wasOpen: boolean): void;
}

export class Line {
  readonly data: boolean;
  peer: Peer | undefined;
  /** Of the sslProfile when it was dialled last. */
  ordinal = 0;
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

  constructor(owner: LineOwner, parts: AmqpConnectorParts, { data, correlator }: LineOptions) {
    this.owner = owner;
    this.parts = parts;
    this.data = data;
    this.correlator = correlator;
    this.backoff = new Backoff(parts.random, { initialMs: RETRY_INITIAL_MS, maxMs: RETRY_MAX_MS });
    this.lostAt = parts.driver.now();
    this.failover = new Failover(owner.entity.host, String(portNumber(owner.entity.port)));
  }

  /** Where it dials, the place in use or next to be tried first. */
  get places(): readonly string[] {
    this.learn();
    return this.failover.places;
  }

  start(): void {
    if (this.stopping.signal.aborted) return;
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
  }

  close(): void {
    this.retired = true;
    clearTimeout(this.timer);
    this.stopping.abort();
    this.socket?.destroy();
  }

  private get isQuick(): boolean {
    return this.parts.driver.now() - this.lostAt < QUICK_MS;
  }

  /** @throws TlsProfileError, ProxyError */
  private target(): DialTarget {
    const { role, sslProfile, proxyProfile, verifyHostname, socketAddressFamily } = this.owner.entity;
    const { host, port } = this.failover.current;
    const { profiles } = this.parts;
    if (sslProfile) this.ordinal = profiles.ordinal(sslProfile);
    return {
      host,
      port: Number(port),
      family: familyOf(socketAddressFamily),
      proxy: proxyProfile === undefined ? undefined : this.parts.proxyOf?.(proxyProfile),
      connectTimeoutMs: this.isQuick ? QUICK_CONNECT_TIMEOUT_MS : CONNECT_TIMEOUT_MS,
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
      sasl,
      data: this.data,
      groupCorrelator: this.correlator,
      ordinal: this.ordinal,
    });
    const id = driver.router.connect(peer, transport, driver.now());
    const made = driver.router.peers.get(id)!;
    this.socket = socket;
    this.peer = made;
    driver.transports.set(id, new Transport(id, socket, driver, (error) => this.lost(reasonOf(error, made))));
    driver.schedule();
  }

  /** Another place is gone to only where the connector may be led elsewhere. */
  private learn(): void {
    if (this.owner.entity.allowRedirect) this.failover.learn(this.peer?.connection.remoteOpen?.properties);
  }

  private lost(reason: string): void {
    const { openedAt, closeError } = this.peer ?? {};
    this.learn();
    this.failover.failed(openedAt !== undefined);
    this.socket = undefined;
    this.peer = undefined;
    if (this.stopping.signal.aborted) return;
    this.owner.failed(this, reason, openedAt !== undefined);
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

function reasonOf(error: Error | undefined, { openedAt, closeError }: Peer): string {
  if (error !== undefined) return messageOf(error);
  if (closeError !== undefined) return [closeError.condition, closeError.description].filter(Boolean).join(': ');
  return openedAt === undefined
    ? 'the other end closed the connection before it was open'
    : 'the connection was closed';
}
