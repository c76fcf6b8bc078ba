/** One router that tells events, on a clock that is set by hand, and somebody at it who listens. */

import { SeededRandom } from '../../lib/random.ts';
import { CO_RECORD_PREFIX, DIRECT_PREFIX, EVENT_PREFIX } from '../../lib/vanflow.ts';
import { amqp, type Typed, toPlain } from '../../router/amqp/codec/value.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { parseHead } from '../../router/amqp/message/head.ts';
import { Router } from '../../router/core/router.ts';
import type { Configured } from '../../router/telemetry/vanflow/inventory.ts';
import { Vanflow } from '../../router/telemetry/vanflow/vanflow.ts';

export const SOURCE = 'abcde';
export const EPOCH_MS = 1_795_000_000_000;

export interface Heard {
  at: number;
  to: string;
  subject: string;
  properties: Map<string, unknown>;
  records: Map<number, unknown>[];
}

export interface FlowEnds {
  listener: number;
  connector: number;
}

export class VanflowWorld {
  readonly router: Router;
  readonly vanflow: Vanflow;
  readonly heard: Heard[] = [];
  now = 0;

  constructor(configured: Partial<Configured> = {}) {
    const random = new SeededRandom(1);
    this.router = new Router(
      { id: 'R', instance: 1, version: '1.2.3', defaultDistribution: 'balanced', random: () => random.next() },
      0,
    );
    this.vanflow = new Vanflow({
      router: this.router,
      mode: 'interior',
      source: SOURCE,
      configured: {
        listeners: () => [],
        connectors: () => [],
        tcpListener: () => ({ host: '127.0.0.1', port: 1024 }),
        tcpConnector: () => ({ host: '127.0.0.2', port: 1025, processId: 'p1' }),
        site: () => undefined,
        ...configured,
      },
      surroundings: { siteId: 'site-1', namespace: 'ns' },
      wall: (ms) => EPOCH_MS + ms,
    });
    this.vanflow.start();
  }

  /** Somebody listens at these addresses. @returns ends it */
  listen(...addresses: string[]): () => void {
    const ends = addresses.map((to) =>
      this.router.subscribe(to, (message) => {
        const head = parseHead(message, 'body', true)!;
        const body = head.body && toPlain(head.body);
        const { subject = '' } = head.properties ?? {};
        const properties = new Map([...(head.applicationProperties ?? [])].map(([key, { value }]) => [key, value]));
        const records = Array.isArray(body) ? (body as Map<number, unknown>[]) : [];
        this.heard.push({ at: this.now, to, subject, properties, records });
        return true;
      }),
    );
    return () => {
      for (const end of ends) end();
    };
  }

  /** A collector of everything. */
  collect(): () => void {
    const address = `${EVENT_PREFIX}${SOURCE}:0`;
    return this.listen('mc/sfe.all', address, `${address}.flows`, `${address}.logs`);
  }

  /** Time passes, and what is due happens. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (let at = this.router.deadline(); at <= end; at = this.router.deadline()) {
      this.now = Math.max(this.now, at);
      this.router.tick(this.now);
      this.router.effects();
    }
    this.now = end;
    this.router.bridge.now = end;
  }

  flush(): void {
    this.send(`${DIRECT_PREFIX}${SOURCE}:0`, 'FLUSH');
  }

  /** What the connector's end tells of a flow. */
  coRecord(entries: readonly [number, Typed][]): void {
    const body = amqp.list([amqp.map(entries.map(([code, value]) => [amqp.uint(code), value]))]);
    this.send(`${CO_RECORD_PREFIX}${SOURCE}:0`, 'RECORD', body);
  }

  send(to: string, subject: string, body: Typed = amqp.null()): boolean {
    return this.router.send(to, composeMessage({ properties: { to, subject }, body }), this.now);
  }

  /** A client of the service `address`, and the backend that it gets; both ends are here. */
  open(listener: string, at = this.now): FlowEnds {
    this.now = at;
    const client = { host: '10.0.0.1', port: 4000 };
    const flow = this.router.flowAccepted(listener, at, undefined, client)!;
    const dialled = this.router.effects().find((effect) => effect.type === 'flow-connect');
    return { listener: flow, connector: dialled?.type === 'flow-connect' ? dialled.flow : -1 };
  }

  /** A flow that goes well: `octets` there, twice as many back. */
  exchange(listener: string, octets = 10): FlowEnds {
    const ends = this.open(listener);
    const { router } = this;
    router.flowConnected(ends.connector, this.now, { host: '10.0.0.2', port: 5000 });
    this.now += 1;
    router.flowReceived(ends.listener, Buffer.alloc(octets), this.now);
    this.now += 2;
    router.flowReceived(ends.connector, Buffer.alloc(2 * octets), this.now);
    this.now += 3;
    this.close(ends, octets);
    return ends;
  }

  close({ listener, connector }: FlowEnds, octets: number): void {
    const { router } = this;
    router.flowReceivedEnd(listener, this.now);
    router.flowReceivedEnd(connector, this.now);
    router.flowWritten(connector, octets, this.now);
    router.flowWritten(listener, 2 * octets, this.now);
    router.effects();
  }

  /** All that was told, as collectors keep it. */
  known(type: number): Map<number, unknown>[] {
    const records = new Map<unknown, Map<number, unknown>>();
    for (const { records: told } of this.heard) {
      for (const record of told) {
        const before = records.get(record.get(1)) ?? new Map();
        records.set(record.get(1), new Map([...before, ...record]));
      }
    }
    return [...records.values()].filter((record) => record.get(0) === type);
  }

  of(subject: string): Heard[] {
    return this.heard.filter((each) => each.subject === subject);
  }
}
