/** A `tcpListener` entity's socket: open while its address is reachable, each accepted connection a flow. */
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Logger } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { clientText } from '../core/client-ends.ts';
import { portNumber, type TcpListenerEntity } from '../management/schema.ts';
import { closeServer } from './close-server.ts';
import type { Driver } from './driver.ts';
import { FlowSocket, resetSocket } from './flow-socket.ts';
import { watchHandshakes } from './handshake-faults.ts';
import { keepListening, type Listening } from './keep-listening.ts';
import { listenOn } from './listen-on.ts';
import { ProxiedConnections, type ProxyFaultCount } from './proxied-connections.ts';
import { TLS_HANDSHAKE_TIMEOUT_MS, type TlsProfiles } from './tls-profiles.ts';

/** What comes at once waits in the system's queue, which takes no more than `net.core.somaxconn`; who finds it full tries again after a second. */
const BACKLOG = 4096;
const SOCKET_OPTIONS = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true } as const;
/** What is agreed on is told to the other end, which offers it to the backend (wire reference 6.9). */
const APPLICATION_PROTOCOLS = ['http/1.1', 'h2'];

export interface TcpListenerParts {
  driver: Driver;
  profiles: TlsProfiles;
  log: Logger;
  random: Random;
  /** Connections without a sound header, of all listeners. */
  headers: ProxyFaultCount;
}

export class TcpListenerSocket {
  private entity: TcpListenerEntity;
  private readonly parts: TcpListenerParts;
  private listening: Listening | undefined;
  private server: Server | undefined;
  /** It has been left, and takes who waits at it. */
  private leaving: { server: Server; closeNow: () => void } | undefined;
  private behind: ProxiedConnections | undefined;

  constructor(entity: TcpListenerEntity, parts: TcpListenerParts) {
    this.entity = entity;
    this.parts = parts;
  }

  /** What is looked up for each connection changes for the next. */
  update(entity: TcpListenerEntity): void {
    this.entity = entity;
  }

  get up(): boolean {
    return this.server?.listening ?? false;
  }

  /** For people: why it is down. */
  get problem(): string | undefined {
    return this.listening ? this.listening.problem : 'no connector for its address is reachable';
  }

  /** Somebody may still be accepted. */
  get accepts(): boolean {
    return this.up || this.leaving?.server.listening === true;
  }

  open(): void {
    this.leaving?.closeNow();
    this.leaving = undefined;
    const { name, host, port, backlog, sslProfile } = this.entity;
    const target = {
      entity: `tcpListener ${name}`,
      host,
      port: portNumber(port),
      backlog: backlog || BACKLOG,
      socketOptions: { ...SOCKET_OPTIONS, pauseOnConnect: !sslProfile },
    };
    // Closed and opened again in quick succession, there are two for a moment: each closes its own.
    let server: Server | undefined;
    this.listening ??= keepListening(
      async () => {
        server = this.makeServer();
        this.server = server;
        try {
          await listenOn(server, target);
        } catch (error) {
          server.close();
          throw error;
        }
        server.on('error', (error) => this.parts.log.error({ err: error, name }, 'tcpListener failed'));
        this.parts.log.info({ name, address: server.address() }, 'listening for clients');
      },
      () => server !== this.leaving?.server && server?.close(),
      { ...this.parts, name },
    );
  }

  close(): void {
    this.listening?.stop();
    this.listening = undefined;
    this.server = undefined;
  }

  /** As `close`, but who waits at the socket is served first. */
  leave(): void {
    const { server } = this;
    if (server?.listening) this.leaving = { server, closeNow: closeServer(server) };
    this.close();
  }

  private makeServer(): Server {
    const { sslProfile, authenticatePeer } = this.entity;
    if (!sslProfile) return this.proxied(createTcpServer(SOCKET_OPTIONS, (socket) => this.accept(socket)));
    const server = createTlsServer(
      {
        ...SOCKET_OPTIONS,
        ...this.parts.profiles.publicMaterial(sslProfile),
        pauseOnConnect: false,
        handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS,
        requestCert: authenticatePeer,
        rejectUnauthorized: authenticatePeer,
        ALPNProtocols: APPLICATION_PROTOCOLS,
      },
      (socket) => this.accept(socket),
    );
    const { driver, log, profiles } = this.parts;
    watchHandshakes(server, { name: this.entity.name, log, count: profiles.handshakes, now: () => driver.now() });
    const unwatch = profiles.watch(sslProfile, () => server.setSecureContext(profiles.publicMaterial(sslProfile)));
    server.on('close', unwatch);
    return this.proxied(server);
  }

  /** Behind a load balancer, each connection begins with a header. */
  private proxied(server: Server): Server {
    const { name, proxyProtocol } = this.entity;
    if (proxyProtocol === 'none') return server;
    const { log, driver, headers } = this.parts;
    this.behind = new ProxiedConnections({ name, log, count: headers, now: () => driver.now() });
    this.behind.serve(server);
    return server;
  }

  private accept(socket: Socket): void {
    const { driver } = this.parts;
    const { name, sessionAffinity } = this.entity;
    const ends = this.behind?.clientOf(socket) ?? endsOf(socket);
    // Reset while it waited to be accepted: neither the network nor a backend need hear of it.
    if (ends === undefined) {
      driver.router.bridge.refusals.gone++;
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const boundTo = sessionAffinity === 'clientIP' ? ends.host : undefined;
    const alpn = ('encrypted' in socket && (socket as TLSSocket).alpnProtocol) || undefined;
    const client = { host: ends.host, port: ends.port, alpn, ends: clientText(ends) };
    const flow = driver.router.flowAccepted(name, driver.now(), boundTo, client);
    if (flow === undefined) {
      socket.on('error', () => {});
      resetSocket(socket);
      return;
    }
    const { sslProfile } = this.entity;
    const tls = sslProfile ? { profile: sslProfile, ordinal: this.parts.profiles.ordinal(sslProfile) } : undefined;
    driver.flows.set(flow, new FlowSocket(flow, socket, driver, tls));
    driver.schedule();
  }
}

/** Undefined of a connection that is gone already. */
function endsOf({ remoteAddress: host, remotePort: port, localAddress: localHost, localPort }: Socket) {
  if (host === undefined || port === undefined || localHost === undefined || localPort === undefined) return undefined;
  return { host, port, localHost, localPort };
}
