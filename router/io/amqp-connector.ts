/**
 * A `connector` entity: dials another router and dials again when the connection is lost, with jittered back-off.
 *
 * It keeps one control connection and the group's data connections; all carry one correlator, by which the other
 * router knows that they belong together.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { Backoff } from '../../lib/backoff.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { type Random, randomId } from '../../lib/random.ts';
import type { Peer } from '../core/peer.ts';
import { type ConnectorEntity, portNumber } from '../management/schema.ts';
import { tlsFacts } from './amqp-listener.ts';
import type { Driver } from './driver.ts';
import { openOptions } from './open-options.ts';
import type { TlsProfiles } from './tls-profiles.ts';
import { Transport } from './transport.ts';

/** As skupper-router's discriminators. */
const CORRELATOR_LENGTH = 15;
const RETRY_INITIAL_MS = 50;
const RETRY_MAX_MS = 3000;
const CONNECT_TIMEOUT_MS = 10_000;

export interface AmqpConnectorParts {
  driver: Driver;
  profiles: TlsProfiles;
  log: Logger;
  random: Random;
  dataConnectionCount: number;
}

export type ConnectionStatus = 'CONNECTING' | 'SUCCESS' | 'FAILED';

export class AmqpConnector {
  readonly entity: ConnectorEntity;
  /** At the other end of the control connection, whose state is the connector's. */
  private peer: Peer | undefined;
  /** Why the last try ended; empty before the first one did. */
  private failure = '';
  private readonly parts: AmqpConnectorParts;
  private readonly lines: Line[] = [];

  constructor(entity: ConnectorEntity, parts: AmqpConnectorParts) {
    this.entity = entity;
    this.parts = parts;
    const correlator = entity.role === 'inter-router' ? randomId(parts.random, CORRELATOR_LENGTH) : undefined;
    const dataCount = entity.role === 'inter-router' ? parts.dataConnectionCount : 0;
    for (let i = 0; i <= dataCount; i++) this.lines.push(new Line(this, parts, correlator, i > 0));
  }

  start(): void {
    for (const line of this.lines) line.dial();
  }

  close(): void {
    for (const line of this.lines) line.close();
  }

  /** Success only when the other end has opened: after its handshake a TLS server may still refuse our certificate. */
  get status(): ConnectionStatus {
    if (this.peer?.openedAt !== undefined) return 'SUCCESS';
    return this.failure === '' ? 'CONNECTING' : 'FAILED';
  }

  get message(): string {
    return this.status === 'SUCCESS' ? '' : this.failure;
  }

  connected(peer: Peer): void {
    this.peer = peer;
  }

  failed(reason: string): void {
    const { name, host, port } = this.entity;
    if (this.status === 'SUCCESS' || this.failure !== reason)
      this.parts.log.warn({ name, host, port, reason }, 'connector cannot connect');
    this.peer = undefined;
    this.failure = reason;
  }
}

/** One connection of the group. */
class Line {
  private readonly owner: AmqpConnector;
  private readonly parts: AmqpConnectorParts;
  private readonly correlator: string | undefined;
  private readonly data: boolean;
  private readonly backoff: Backoff;
  private socket: Socket | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  /** Of the sslProfile when it was dialled: the profile may be gone when it has connected. */
  private ordinal: number | undefined;

  constructor(owner: AmqpConnector, parts: AmqpConnectorParts, correlator: string | undefined, data: boolean) {
    this.owner = owner;
    this.parts = parts;
    this.correlator = correlator;
    this.data = data;
    this.backoff = new Backoff(parts.random, { initialMs: RETRY_INITIAL_MS, maxMs: RETRY_MAX_MS });
  }

  dial(): void {
    const { entity } = this.owner;
    let socket: Socket;
    try {
      socket = this.open();
    } catch (error) {
      this.retry(messageOf(error));
      return;
    }
    this.socket = socket;
    let failure: Error | undefined;
    const timeout = setTimeout(
      () => socket.destroy(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1000} s`)),
      CONNECT_TIMEOUT_MS,
    );
    const onError = (error: Error): void => {
      failure = error;
    };
    const onClose = (): void => {
      clearTimeout(timeout);
      this.retry(failure ? messageOf(failure) : 'the other end closed the connection');
    };
    socket.once('error', onError);
    socket.once('close', onClose);
    socket.once(entity.sslProfile ? 'secureConnect' : 'connect', () => {
      clearTimeout(timeout);
      socket.off('error', onError);
      socket.off('close', onClose);
      this.connected(socket);
    });
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket?.destroy();
  }

  /** @throws TlsProfileError */
  private open(): Socket {
    const { entity } = this.owner;
    const target = { host: entity.host, port: portNumber(entity.port), noDelay: true };
    if (!entity.sslProfile) return connectTcp(target);
    this.ordinal = this.parts.profiles.ordinal(entity.sslProfile);
    return connectTls({
      ...target,
      secureContext: this.parts.profiles.context(entity.sslProfile),
      servername: isIP(entity.host) ? undefined : entity.host,
      ...(entity.verifyHostname ? {} : { checkServerIdentity: () => undefined }),
    });
  }

  private connected(socket: Socket): void {
    const { driver } = this.parts;
    const { entity } = this.owner;
    const { peer, transport } = openOptions(entity, {
      dir: 'out',
      host: `${entity.host}:${portNumber(entity.port)}`,
      hostname: entity.host,
      encrypted: entity.sslProfile !== undefined,
      tls: entity.sslProfile ? tlsFacts(socket as TLSSocket) : undefined,
      sasl: { mechanisms: this.mechanisms(), required: true },
      data: this.data,
      groupCorrelator: this.correlator,
      groupOrdinal: this.ordinal,
    });
    const id = driver.router.connect(peer, transport, driver.now());
    const made = driver.router.peers.get(id)!;
    driver.transports.set(id, new Transport(id, socket, driver, (error) => this.retry(reasonOf(error, made))));
    if (!this.data) this.owner.connected(made);
    const established = setTimeout(() => this.backoff.reset(), RETRY_MAX_MS);
    socket.once('close', () => clearTimeout(established));
    driver.schedule();
  }

  private mechanisms(): ('ANONYMOUS' | 'EXTERNAL')[] {
    const { saslMechanisms, sslProfile } = this.owner.entity;
    const named = saslMechanisms?.split(/[\s,]+/) ?? (sslProfile ? ['EXTERNAL', 'ANONYMOUS'] : ['ANONYMOUS']);
    return (['EXTERNAL', 'ANONYMOUS'] as const).filter((mechanism) => named.includes(mechanism));
  }

  private retry(reason: string): void {
    this.socket = undefined;
    if (this.closed) return;
    if (!this.data) this.owner.failed(reason);
    this.timer = setTimeout(() => this.dial(), this.backoff.nextMs());
  }
}

function reasonOf(error: Error | undefined, { openedAt, closeError }: Peer): string {
  if (error !== undefined) return messageOf(error);
  if (closeError !== undefined) return [closeError.condition, closeError.description].filter(Boolean).join(': ');
  return openedAt === undefined
    ? 'the other end closed the connection before it was open'
    : 'the connection was closed';
}
