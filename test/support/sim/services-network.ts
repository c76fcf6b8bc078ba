/**
 * Clusters that tell each other of their services over a network that loses, doubles, reorders and parts, on a virtual clock.
 *
 * Each cluster has a site with one router, each process of it a clock of its own. Everything follows from one seed.
 */
import { randomInt, SeededRandom } from '../../../lib/random.ts';
import type { OwnContent } from '../../../service-controller/exchange/entries.ts';
import { ServiceExchange } from '../../../service-controller/exchange/exchange.ts';
import { SERVICES_ADDRESS } from '../../../service-controller/exchange/messages.ts';
import type { ServiceExchangeOptions } from '../../../service-controller/exchange/options.ts';
import type { ServiceRecord } from '../../../service-controller/records.ts';
import { Scheduler } from './scheduler.ts';

export interface Faults {
  loss: number;
  duplication: number;
  delayMs: readonly [least: number, most: number];
}

export class Process {
  readonly exchange: ServiceExchange;
  readonly cluster: string;
  /** Of its clock to that of the world. */
  readonly skewMs: number;
  isConnected = false;
  isDead = false;
  wakeAt = Infinity;

  constructor(cluster: string, skewMs: number, exchange: ServiceExchange) {
    this.cluster = cluster;
    this.skewMs = skewMs;
    this.exchange = exchange;
  }
}

export class ServicesNetwork {
  readonly scheduler = new Scheduler();
  readonly random: SeededRandom;
  readonly processes: Process[] = [];
  faults: Faults;
  /** Whether messages of a cluster do not reach another now. */
  isCut: (from: string, to: string) => boolean = () => false;
  /** What was sent, and what arrived; a multicast is sent once. */
  readonly sent = { messages: 0, bytes: 0, multicasts: 0, delivered: 0, deliveredBytes: 0 };
  onDelivered: (process: Process) => void = () => {};
  private readonly siteByRouter = new Map<string, string>();
  private readonly options: Partial<ServiceExchangeOptions>;

  constructor(seed: number, faults: Faults, options: Partial<ServiceExchangeOptions> = {}) {
    this.random = new SeededRandom(seed);
    this.faults = faults;
    this.options = options;
  }

  get now(): number {
    return this.scheduler.now;
  }

  /** Starts a process, connected, that listens. Its router is known to everyone. */
  start(cluster: string, { skewMs = 0, instance }: { skewMs?: number; instance?: number } = {}): Process {
    const startedAt = Math.floor((this.now + skewMs + 1e9) * 1000) + this.processes.length;
    const identity = {
      clusterId: cluster,
      clusterSet: 'set',
      siteId: siteOf(cluster),
      instance: instance ?? startedAt,
    };
    const random = new SeededRandom(randomInt(this.random, 2 ** 31));
    const process = new Process(cluster, skewMs + 1e6, new ServiceExchange(identity, { random, ...this.options }));
    this.processes.push(process);
    this.siteByRouter.set(routerOf(cluster), siteOf(cluster));
    for (const one of this.processes) {
      if (!one.isDead) this.turn(one, (exchange, now) => exchange.setRouters(this.siteByRouter, now));
    }
    this.connect(process);
    return process;
  }

  connect(process: Process): void {
    process.isConnected = true;
    this.turn(process, (exchange, now) => exchange.connected(now));
  }

  disconnect(process: Process): void {
    process.isConnected = false;
    this.turn(process, (exchange) => exchange.disconnected());
  }

  /** Without a word. */
  kill(process: Process): void {
    process.isConnected = false;
    process.isDead = true;
    this.processes.splice(this.processes.indexOf(process), 1);
  }

  leave(process: Process): void {
    this.turn(process, (exchange) => exchange.leave());
    this.kill(process);
  }

  setOwn(process: Process, content: OwnContent): void {
    this.turn(process, (exchange, now) => exchange.setOwn(content, now));
  }

  /** One input to a process, and all that follows from it. */
  turn(process: Process, input: (exchange: ServiceExchange, now: number) => void): void {
    const { exchange } = process;
    const now = this.now + process.skewMs;
    input(exchange, now);
    exchange.tick(now);
    for (let message = exchange.nextMessage(); message !== undefined; message = exchange.nextMessage()) {
      this.send(process, message);
    }
    const wakeAt = Math.max(this.now + 0.01, exchange.deadline() - process.skewMs);
    if (wakeAt === Infinity || process.isDead) return;
    process.wakeAt = wakeAt;
    this.scheduler.at(wakeAt, () => {
      if (!process.isDead && process.wakeAt === wakeAt) this.turn(process, () => {});
    });
  }

  /** Hands `text` to everyone as if it had entered the network by `router`. */
  inject(text: string, router: string | undefined): void {
    for (const process of [...this.processes]) {
      this.turn(process, (exchange, now) => exchange.receive({ text, ingress: router }, now));
    }
  }

  run(ms: number): void {
    this.scheduler.runFor(ms);
  }

  private send(from: Process, { to, text }: { to: string; text: string }): void {
    const { sent } = this;
    const bytes = Buffer.byteLength(text);
    sent.messages += 1;
    sent.bytes += bytes;
    if (to === SERVICES_ADDRESS) sent.multicasts += 1;
    for (const process of this.processes) {
      if (to !== SERVICES_ADDRESS && to !== process.exchange.inbox) continue;
      const copies = this.random.next() < this.faults.duplication ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) this.carry(from, process, text, bytes);
    }
  }

  private carry(from: Process, to: Process, text: string, bytes: number): void {
    const { loss, delayMs } = this.faults;
    const [least, most] = delayMs;
    const waitMs = from === to ? 0.1 : least + this.random.next() * (most - least);
    if (from !== to && this.random.next() < loss) return;
    this.scheduler.after(waitMs, () => {
      if (!to.isConnected || (from.cluster !== to.cluster && this.isCut(from.cluster, to.cluster))) return;
      this.sent.delivered += 1;
      this.sent.deliveredBytes += bytes;
      this.turn(to, (exchange, now) => exchange.receive({ text, ingress: routerOf(from.cluster) }, now));
      this.onDelivered(to);
    });
  }
}

export function siteOf(cluster: string): string {
  return `site-${cluster}`;
}

export function routerOf(cluster: string): string {
  return `router-${cluster}`;
}

export function serviceRecord(name: string, over: Partial<ServiceRecord> = {}): ServiceRecord {
  return {
    namespace: 'team',
    name,
    uid: `6c7f7a3e-0000-4000-8000-${name}`,
    since: 1_700_000_000_000,
    type: 'ClusterSetIP',
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    ipFamilies: ['IPv4'],
    sessionAffinity: 'None',
    ready: 1,
    ...over,
  };
}

export function contentOf(services: readonly ServiceRecord[], over: Partial<OwnContent> = {}): OwnContent {
  return {
    info: { properties: { 'region.example.com': 'north' }, version: '0.1.0' },
    services: new Map(services.map((service) => [`${service.namespace}/${service.name}`, service])),
    ingresses: new Map(),
    ...over,
  };
}
