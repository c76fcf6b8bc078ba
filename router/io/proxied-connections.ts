/**
 * Connections that a load balancer passes on: each begins with a PROXY protocol header, which is read and taken off before
 * anything else sees the connection, before TLS too. Only where that is configured; a connection without a header is reset.
 *
 * A header has `PROXY_HEADER_TIMEOUT_MS`, and so many connections may be without theirs at a time.
 */
import type { Server, Socket } from 'node:net';
import type { Logger } from '../../lib/log.ts';
import { Seldom } from '../../lib/seldom.ts';
import type { ClientEnds } from '../core/client-ends.ts';
import { FAULT_LOG_INTERVAL_MS } from '../core/limits.ts';
import { resetSocket } from './flow-socket.ts';
import { parseProxyHeader } from './proxy-protocol.ts';

const PROXY_HEADER_TIMEOUT_MS = 3000;
const HEADERS_AWAITED_MAX = 4096;

export interface ProxyFaultCount {
  refusedCount: number;
}

export interface ProxiedParts {
  /** Of the tcpListener. */
  name: string;
  log: Logger;
  count: ProxyFaultCount;
  /** ms */
  now: () => number;
}

export class ProxiedConnections {
  private readonly parts: ProxiedParts;
  /** By the load balancer's end of the connection: a TLS socket does not say by which socket it has come. */
  private readonly clients = new Map<string, ClientEnds>();
  private awaitedCount = 0;
  private readonly refusals = new Seldom(FAULT_LOG_INTERVAL_MS);

  constructor(parts: ProxiedParts) {
    this.parts = parts;
  }

  /** From here on what listens to the server's connections gets them without their headers. */
  serve(server: Server): void {
    const takers = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      this.read(socket, () => {
        for (const taker of takers) taker.call(server, socket);
      });
    });
  }

  /** Whose connection it is; undefined when the load balancer speaks for itself. */
  clientOf({ remoteAddress, remotePort }: Socket): ClientEnds | undefined {
    return this.clients.get(`${remoteAddress} ${remotePort}`);
  }

  private read(socket: Socket, taken: () => void): void {
    socket.on('error', ignored);
    if (this.awaitedCount >= HEADERS_AWAITED_MAX) {
      this.refuse(socket, `${HEADERS_AWAITED_MAX} connections have not sent their header yet`);
      return;
    }
    this.awaitedCount++;
    let bytes: Buffer = Buffer.alloc(0);
    const over = (): void => {
      this.awaitedCount--;
      clearTimeout(timeout);
      socket.off('data', onData).off('end', onEnd).off('close', over);
    };
    const failed = (fault: string): void => {
      over();
      this.refuse(socket, fault);
    };
    const onEnd = (): void => failed('it ended before its PROXY protocol header');
    const onData = (more: Buffer): void => {
      bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
      const header = parseProxyHeader(bytes);
      if (header.state === 'more') return;
      if (header.state === 'fault') {
        failed(header.fault);
        return;
      }
      over();
      socket.pause();
      if (bytes.length > header.lengthBytes) socket.unshift(bytes.subarray(header.lengthBytes));
      this.keep(socket, header.client);
      socket.off('error', ignored);
      taken();
    };
    const timeout = setTimeout(
      () => failed(`no whole PROXY protocol header within ${PROXY_HEADER_TIMEOUT_MS / 1000} s`),
      PROXY_HEADER_TIMEOUT_MS,
    );
    socket.on('data', onData).on('end', onEnd).on('close', over);
    socket.resume();
  }

  private keep(socket: Socket, client: ClientEnds | undefined): void {
    if (client === undefined) return;
    const key = `${socket.remoteAddress} ${socket.remotePort}`;
    this.clients.set(key, client);
    socket.once('close', () => this.clients.delete(key));
  }

  private refuse(socket: Socket, reason: string): void {
    const { name, log, count, now } = this.parts;
    count.refusedCount++;
    const before = this.refusals.tell(now());
    if (before !== undefined) {
      const since = before > 0 && { before };
      const fields = { name, host: socket.remoteAddress, reason, ...since };
      log.warn(fields, 'connection refused: it is not one of a load balancer');
    }
    resetSocket(socket);
  }
}

const ignored = (): void => {};
