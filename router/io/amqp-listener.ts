/**
 * A `listener` entity: accepts AMQP connections, plain or over TLS, and hands them to the router. Those that come over WebSocket are
 * handed in by the HTTP server.
 */
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import type { Logger } from '../../lib/log.ts';
import type { FailoverServer } from '../core/peer.ts';
import { type ListenerEntity, portNumber } from '../management/schema.ts';
import type { Driver } from './driver.ts';
import { failoverServers } from './failover-urls.ts';
import { servePlainToo } from './first-octet.ts';
import { watchHandshakes } from './handshake-faults.ts';
import { listenOn } from './listen-on.ts';
import { openOptions } from './open-options.ts';
import { peerSite } from './peer-site.ts';
import type { Quota } from './quota.ts';
import { demandsCertificate, offered } from './sasl-choice.ts';
import type { SaslConfig } from './sasl-users.ts';
import { familyOf } from './socket-family.ts';
import { TLS_HANDSHAKE_TIMEOUT_MS, type TlsProfiles } from './tls-profiles.ts';
import { Transport } from './transport.ts';

const BACKLOG = 512;
const SOCKET_OPTIONS = { noDelay: true } as const;

export interface AmqpListenerParts {
  driver: Driver;
  profiles: TlsProfiles;
  log: Logger;
  /** Of the router entity. */
  saslConfig: SaslConfig;
  /** Connections that all listeners accept together. */
  quota: Quota;
}

export class AmqpListener {
  entity: ListenerEntity;
  private readonly parts: AmqpListenerParts;
  private server: Server | undefined;
  private readonly transports = new Set<Transport>();
  private unwatch: () => void = () => {};
  private readonly failover: FailoverServer[] | undefined;

  /** @throws FailoverUrlsError */
  constructor(entity: ListenerEntity, parts: AmqpListenerParts) {
    this.entity = entity;
    this.parts = parts;
    this.failover = failoverServers(entity.failoverUrls);
  }

  /** @throws ListenError when the port cannot be had, TlsProfileError while the profile has no files */
  async listen(): Promise<void> {
    const { host, port, name, sslProfile, socketAddressFamily } = this.entity;
    const tlsServer = sslProfile ? this.tlsServer(sslProfile) : undefined;
    const server: Server = tlsServer ?? createTcpServer(SOCKET_OPTIONS, (socket) => this.accept(socket));
    server.prependListener('connection', (socket) => this.await(socket));
    const target = { host, port: portNumber(port), family: familyOf(socketAddressFamily), backlog: BACKLOG };
    await listenOn(server, { entity: `listener ${name}`, socketOptions: SOCKET_OPTIONS, ...target });
    this.server = server;
    server.on('error', (error) => this.parts.log.error({ err: error, name }, 'listener failed'));
    this.parts.log.info({ name, address: server.address() }, 'listening');
    if (!tlsServer || !sslProfile) return;
    this.unwatch = this.parts.profiles.watch(sslProfile, () => tlsServer.setSecureContext(this.material(sslProfile)));
  }

  /** Of the connections that stand too; what the other end says still counts where it is more. */
  setCost(entity: ListenerEntity): void {
    this.entity = entity;
    const { driver } = this.parts;
    for (const { id } of this.transports) driver.router.setCost(id, entity.cost, driver.now());
  }

  /** Stops accepting, and ends the connections it accepted. */
  close(): void {
    this.unwatch();
    this.server?.close();
    for (const transport of this.transports) transport.destroy();
  }

  /** Stops accepting only. */
  stopAccepting(): void {
    this.server?.close();
  }

  private material(profile: string): SecureContextOptions {
    const { profiles } = this.parts;
    return this.entity.role === 'normal' ? profiles.publicMaterial(profile) : profiles.material(profile);
  }

  private tlsServer(profile: string): TlsServer {
    const isDemanded = demandsCertificate(this.entity, this.parts.saslConfig);
    const server = createTlsServer(
      {
        ...this.material(profile),
        requestCert: isDemanded,
        rejectUnauthorized: isDemanded,
        handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS,
        noDelay: true,
      },
      (socket) => this.accept(socket),
    );
    const { requireSsl, requireEncryption } = this.entity;
    if (!requireSsl && !requireEncryption) servePlainToo(server, (socket) => this.accept(socket));
    const { driver, log, profiles } = this.parts;
    watchHandshakes(server, { name: this.entity.name, log, count: profiles.handshakes, now: () => driver.now() });
    return server;
  }

  /** Whoever has not opened by `initialHandshakeTimeoutSeconds`, which counts from the first moment, is dropped. */
  private await(socket: Socket): void {
    const { initialHandshakeTimeoutSeconds: seconds, name } = this.entity;
    if (seconds === 0) return;
    const host = hostOf(socket);
    const timer = setTimeout(() => {
      const { driver, log } = this.parts;
      const peer = [...this.transports]
        .map(({ id }) => driver.router.peers.get(id))
        .find((at) => at?.options.host === host);
      if (peer?.openedAt !== undefined) return;
      log.warn({ name, host, seconds }, 'no AMQP connection was opened in time');
      socket.destroy();
    }, seconds * 1000);
    socket.on('close', () => clearTimeout(timer));
  }

  private accept(socket: Socket | TLSSocket): void {
    this.take(socket, socket);
  }

  /**
   * An AMQP connection on `stream`, which is the socket itself or carried by it.
   * @param socket who it is from and how it is secured
   */
  take(stream: Duplex, socket: Socket | TLSSocket): void {
    const { driver, quota, profiles, log } = this.parts;
    const { name, sslProfile } = this.entity;
    if (!quota.take()) {
      log.info({ name, host: hostOf(socket), connectionsMax: quota.countMax }, 'connection refused by the policy');
      stream.on('error', () => {});
      stream.destroy();
      return;
    }
    stream.on('close', () => quota.give());
    // A socket of its own has been awaited since it was accepted.
    if (stream !== socket) this.await(socket);
    const encrypted = 'encrypted' in socket;
    const user = encrypted ? profiles.peerName(socket as TLSSocket, sslProfile) : undefined;
    const site = this.entity.role === 'normal' ? undefined : peerSite(socket);
    const { peer, transport } = openOptions(this.entity, {
      dir: 'in',
      host: hostOf(socket),
      encrypted,
      user,
      site,
      tls: encrypted ? tlsFacts(socket as TLSSocket) : undefined,
      sasl: offered(this.entity, user !== undefined, this.parts.saslConfig, (error) =>
        log.error({ err: error, name }, 'SASL users cannot be looked up'),
      ),
      ordinal: encrypted && sslProfile ? profiles.ordinal(sslProfile) : undefined,
      data: false,
      failover: this.failover,
    });
    const id = driver.router.connect(peer, transport, driver.now());
    const made = new Transport(id, stream, driver, () => this.transports.delete(made));
    this.transports.add(made);
    driver.transports.set(id, made);
    driver.schedule();
  }
}

function hostOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`;
}

export function tlsFacts(socket: TLSSocket): { protocol: string; cipher: string } {
  return { protocol: socket.getProtocol() ?? '', cipher: socket.getCipher()?.name ?? '' };
}
