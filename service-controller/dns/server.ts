/** The DNS server: sockets on one side, a `Responder` on the other. UDP and TCP on each address, at one port. */
import type { Clock } from '../../lib/clock.ts';
import { messageOf, SkuprtError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { DnsMetrics } from './metrics.ts';
import type { Responder, Transport } from './responder.ts';
import { TcpListener } from './tcp.ts';
import { UdpSockets } from './udp.ts';

/** The DNS server cannot listen where it is to. */
export class DnsListenError extends SkuprtError {
  readonly code = 'SKUPRT_DNS_LISTEN';
  readonly fault = 'environment';
}

export interface ListenAddress {
  /** An address of this machine; 0.0.0.0 and :: are all of their family. */
  host: string;
  /** 0 takes a free one. */
  port: number;
}

export interface DnsServerParts {
  responder: Pick<Responder, 'respond' | 'stats'>;
  clock: Pick<Clock, 'now'>;
  log: Logger;
}

const FREE_PORT_ATTEMPTS = 10;

export class DnsServer {
  readonly metrics: DnsMetrics;
  private readonly parts: DnsServerParts;
  private readonly udp: UdpSockets[] = [];
  private readonly tcp: TcpListener[] = [];
  private connectionsRefusedCount = 0;
  private unsentCount = 0;

  constructor(parts: DnsServerParts) {
    this.parts = parts;
    this.metrics = new DnsMetrics({
      stats: parts.responder.stats,
      connectionCount: () => this.tcp.reduce((sum, { connectionCount }) => sum + connectionCount, 0),
      connectionsRefusedCount: () => this.connectionsRefusedCount,
      unsentCount: () => this.unsentCount,
    });
  }

  /** Where it listens. @throws DnsListenError; then it listens nowhere */
  async start(addresses: readonly ListenAddress[]): Promise<ListenAddress[]> {
    const started: ListenAddress[] = [];
    try {
      for (const address of addresses) started.push(await this.listen(address));
    } catch (error) {
      await this.stop();
      throw error;
    }
    return started;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.udp.splice(0), ...this.tcp.splice(0)].map((one) => one.stop()));
  }

  private async listen({ host, port }: ListenAddress): Promise<ListenAddress> {
    // A port that is free for UDP need not be for TCP.
    for (let attempt = 1; ; attempt += 1) {
      const udp = new UdpSockets({
        answer: (bytes) => this.answer(bytes, 'udp'),
        failed: (err, address) => this.parts.log.warn({ err, address }, 'a socket failed'),
        unsent: () => {
          this.unsentCount += 1;
        },
      });
      const tcp = new TcpListener({
        answer: (bytes) => this.answer(bytes, 'tcp'),
        refused: () => {
          this.connectionsRefusedCount += 1;
        },
        failed: (err) => this.parts.log.warn({ err, host }, 'a connection was not taken'),
      });
      try {
        const found = await udp.start(host, port);
        await tcp.start(host, found);
        this.udp.push(udp);
        this.tcp.push(tcp);
        return { host, port: found };
      } catch (cause) {
        await udp.stop();
        if (port === 0 && attempt < FREE_PORT_ATTEMPTS) continue;
        throw new DnsListenError(`the DNS server cannot listen on ${host} port ${port}: ${messageOf(cause)}`, {
          cause,
          next: 'Free the port, or give another one with --listen',
        });
      }
    }
  }

  private answer(bytes: Buffer, transport: Transport): Buffer | undefined {
    const start = this.parts.clock.now();
    const answer = this.parts.responder.respond(bytes, transport);
    this.metrics.observe(transport, this.parts.clock.now() - start);
    return answer;
  }
}
