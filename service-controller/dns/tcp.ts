/**
 * TCP of the DNS server: pipelined queries, answered in their order. Bounded: connections, octets of a query, octets that a client
 * does not take, time between queries. RFC 7766.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { LIMITS } from './limits.ts';
import { lengthOf, MessageReader } from './stream.ts';

export interface TcpParts {
  answer: (bytes: Buffer) => Buffer | undefined;
  /** A connection was ended for what it sent, or because there were too many. */
  refused: () => void;
  /** A connection could not be taken, for want of descriptors most often. */
  failed: (error: unknown) => void;
}

export class TcpListener {
  private readonly parts: TcpParts;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(parts: TcpParts) {
    this.parts = parts;
    this.server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.accept(socket));
    this.server.maxConnections = LIMITS.tcpConnectionsMax;
    this.server.on('drop', () => parts.refused());
  }

  get connectionCount(): number {
    return this.sockets.size;
  }

  /** Rejects when it cannot listen. */
  async start(host: string, port: number): Promise<number> {
    this.server.listen({ host, port, ipv6Only: host.includes(':') });
    await once(this.server, 'listening');
    this.server.on('error', this.parts.failed);
    return (this.server.address() as AddressInfo).port;
  }

  /** What was asked is answered; then connections end. */
  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.end();
    const timer = setTimeout(() => {
      for (const socket of this.sockets) socket.destroy();
    }, 1000);
    await closed;
    clearTimeout(timer);
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    const reader = new MessageReader();
    const waiting: Buffer[] = [];
    let isEnded = false;
    // One that sends an octet at a time, or takes no answers, is ended too.
    const late = setTimeout(() => socket.destroy(), LIMITS.tcpIdleMs);
    const answer = () => {
      this.answerSome(socket, waiting);
      if (waiting.length > 0) socket.pause();
      else if (isEnded) socket.end();
      else socket.resume();
    };
    socket.on('close', () => {
      clearTimeout(late);
      this.sockets.delete(socket);
    });
    // A reset, most often; there is nobody to tell.
    socket.on('error', () => socket.destroy());
    socket.on('drain', answer);
    socket.on('end', () => {
      isEnded = true;
      answer();
    });
    socket.on('data', (chunk: Buffer) => {
      const messages = reader.push(chunk);
      if (messages === undefined) {
        this.parts.refused();
        socket.destroy();
        return;
      }
      if (messages.length > 0) late.refresh();
      waiting.push(...messages);
      answer();
    });
  }

  /** As long as the client takes answers; the rest waits. */
  private answerSome(socket: Socket, waiting: Buffer[]): void {
    if (!socket.writable) waiting.length = 0;
    socket.cork();
    while (waiting.length > 0 && socket.writableLength <= LIMITS.tcpUnsentBytesMax) {
      const answer = this.parts.answer(waiting.shift()!);
      if (answer === undefined) continue;
      socket.write(lengthOf(answer));
      socket.write(answer);
    }
    socket.uncork();
  }
}
