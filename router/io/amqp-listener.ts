/** A `listener` entity: accepts AMQP connections, plain or over TLS, and hands them to the router. */
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { type ListenerEntity, portNumber } from '../management/schema.ts';
import type { Driver } from './driver.ts';
import { listenOn } from './listen-on.ts';
import { openOptions, type Sasl } from './open-options.ts';
import { peerName } from './peer-name.ts';
import { familyOf } from './socket-family.ts';
import { TLS_HANDSHAKE_TIMEOUT_MS, type TlsProfiles } from './tls-profiles.ts';
import { Transport } from './transport.ts';

const BACKLOG = 512;

export interface AmqpListenerParts {
  driver: Driver;
  profiles: TlsProfiles;
  log: Logger;
}

export class AmqpListener {
  entity: ListenerEntity;
  private readonly parts: AmqpListenerParts;
  private server: Server | undefined;
  private readonly transports = new Set<Transport>();
  private unwatch: () => void = () => {};

  constructor(entity: ListenerEntity, parts: AmqpListenerParts) {
    this.entity = entity;
    this.parts = parts;
  }

  /** @throws ListenError when the port cannot be had, TlsProfileError while the profile has no files */
  async listen(): Promise<void> {
    const { host, port, name, sslProfile, socketAddressFamily } = this.entity;
    const tlsServer = sslProfile ? this.tlsServer(sslProfile) : undefined;
    const server: Server = tlsServer ?? createTcpServer({ noDelay: true }, (socket) => this.accept(socket));
    const target = { host, port: portNumber(port), family: familyOf(socketAddressFamily), backlog: BACKLOG };
    await listenOn(server, { entity: `listener ${name}`, ...target });
    this.server = server;
    server.on('error', (error) => this.parts.log.error({ err: error, name }, 'listener failed'));
    this.parts.log.info({ name, address: server.address() }, 'listening');
    if (!tlsServer || !sslProfile) return;
    this.unwatch = this.parts.profiles.watch(sslProfile, () =>
      tlsServer.setSecureContext(this.parts.profiles.material(sslProfile)),
    );
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

  private tlsServer(profile: string): TlsServer {
    const server = createTlsServer(
      {
        ...this.parts.profiles.material(profile),
        requestCert: this.entity.authenticatePeer,
        rejectUnauthorized: this.entity.authenticatePeer,
        handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS,
        noDelay: true,
      },
      (socket) => this.accept(socket),
    );
    server.on('tlsClientError', (error, socket) => {
      // A client whose certificate is refused is only told that the connection is closed; why is known here.
      const reason = socket.authorizationError ?? messageOf(error);
      this.parts.log.warn({ reason: String(reason), name: this.entity.name }, 'tls handshake failed');
    });
    return server;
  }

  private accept(socket: Socket | TLSSocket): void {
    const { driver } = this.parts;
    const encrypted = 'encrypted' in socket;
    const user = encrypted ? peerName(socket as TLSSocket) : undefined;
    const { peer, transport } = openOptions(this.entity, {
      dir: 'in',
      host: hostOf(socket),
      encrypted,
      user,
      tls: encrypted ? tlsFacts(socket as TLSSocket) : undefined,
      sasl: this.sasl(user),
      ordinal: this.entity.sslProfile ? this.parts.profiles.ordinal(this.entity.sslProfile) : undefined,
      data: false,
    });
    const id = driver.router.connect(peer, transport, driver.now());
    const made = new Transport(id, socket, driver, () => this.transports.delete(made));
    this.transports.add(made);
    driver.transports.set(id, made);
    driver.schedule();
  }

  /** What is offered: what the entity names, as far as this router knows it; EXTERNAL only to a verified certificate. */
  private sasl(user: string | undefined): Sasl {
    const named = this.entity.saslMechanisms?.split(/[\s,]+/) ?? ['EXTERNAL', 'ANONYMOUS'];
    const mechanisms = (['EXTERNAL', 'ANONYMOUS'] as const).filter(
      (mechanism) => named.includes(mechanism) && (mechanism !== 'EXTERNAL' || user !== undefined),
    );
    return { mechanisms, required: this.entity.authenticatePeer };
  }
}

function hostOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`;
}

export function tlsFacts(socket: TLSSocket): { protocol: string; cipher: string } {
  return { protocol: socket.getProtocol() ?? '', cipher: socket.getCipher()?.name ?? '' };
}
