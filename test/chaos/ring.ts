/**
 * Six routers in a ring with two chords, linked by mutual TLS over relays that can be cut and silent. Each serves a service that two
 * others, not its neighbours, give clients a way to.
 */
import { type Asked, Leftovers } from '../support/leftovers.ts';
import { LiveNetwork } from '../support/live-network.ts';
import type { Edge } from './history.ts';
import { Relays } from './relays.ts';
import type { Way } from './traffic.ts';

export const ROUTER_COUNT = 6;
/** The first of each dials. */
export const EDGES: readonly Edge[] = [
  ...Array.from({ length: ROUTER_COUNT }, (_, at): Edge => [at, (at + 1) % ROUTER_COUNT]),
  [0, 3],
  [1, 4],
];
/** How far the clients' routers are along the ring. */
const CLIENTS_AT = [2, 3];
const START_PATIENCE_MS = 60_000;

export class Ring {
  readonly ways: readonly Way[];
  readonly leftovers: Leftovers;
  private readonly network: LiveNetwork;
  private readonly relays: Relays;
  private readonly restarts = new Map<number, Promise<void>>();

  private constructor(network: LiveNetwork, ways: readonly Way[], asked: readonly Asked[], relays: Relays) {
    this.network = network;
    this.ways = ways;
    this.leftovers = new Leftovers(network, asked);
    this.relays = relays;
  }

  static async start(serverPort: number): Promise<Ring> {
    const network = new LiveNetwork();
    const asked: Asked[] = [];
    for (let at = 0; at < ROUTER_COUNT; at++) {
      const router = await network.router(idOf(at));
      asked.push({ router, amqpPort: await network.amqp(router) });
    }
    const relays = new Relays();
    const dialPort = (port: number) => relays.to(port);
    for (const [from, to] of EDGES) await network.link(asked[from]!.router, asked[to]!.router, { dialPort });
    const ways: Way[] = [];
    for (let to = 0; to < ROUTER_COUNT; to++) {
      const address = `of-${idOf(to)}`;
      network.offer(asked[to]!.router, address, serverPort);
      for (const distance of CLIENTS_AT) {
        const from = (to + distance) % ROUTER_COUNT;
        ways.push({ port: await network.publish(asked[from]!.router, address), from, to });
      }
    }
    const ring = new Ring(network, ways, asked, relays);
    try {
      // One after the other, and that each serves is waited for below: a start takes long on a machine that has much to do.
      for (const { router } of asked) await network.start(router.id).catch(() => {});
      await ring.serves();
    } catch (error) {
      await ring.stop();
      throw error;
    }
    return ring;
  }

  /** Waits until each way takes clients. @throws when one does not */
  async serves(): Promise<void> {
    for (const { port } of this.ways) await this.network.accepting(port, true, START_PATIENCE_MS);
  }

  cut(edge: number, on: boolean): void {
    this.relays.happen(edge, on ? 'cut' : 'mend');
  }

  /** Nothing passes, and neither end is told. */
  silence(edge: number, on: boolean): void {
    this.relays.happen(edge, on ? 'freeze' : 'thaw');
  }

  freeze(at: number, on: boolean): void {
    this.network.processes.signal(idOf(at), on ? 'SIGSTOP' : 'SIGCONT');
  }

  kill(at: number): void {
    this.network.processes.kill(idOf(at));
  }

  /** Has it end in order. */
  terminate(at: number): void {
    this.network.processes.signal(idOf(at), 'SIGTERM');
  }

  /** Starts it again once it has ended. `started` is called when it answers. */
  restart(at: number, started: () => void): void {
    const id = idOf(at);
    // A machine that has much to do may take longer than a start has: `whole` looks again.
    const again = this.network.processes.ended(id).then(() => this.network.start(id).catch(() => {}));
    this.restarts.set(at, again.then(started));
  }

  /** Waits until all routers are there again. @throws when one is not */
  async whole(): Promise<void> {
    await Promise.all(this.restarts.values());
    for (let at = 0; at < ROUTER_COUNT; at++) await this.leftovers.there(at);
    await this.serves();
  }

  /** What has gone wrong in a router itself, in words. */
  crashes(): string[] {
    const told: string[] = [];
    for (let at = 0; at < ROUTER_COUNT; at++) {
      const trace = /^(?:file:.*\n)?(?:.*\n){0,4}\w*Error(?: \[\w+\])?: .*\n(?:\s+at .*\n){1,4}/m;
      const [found] = trace.exec(this.network.processes.logOf(idOf(at))) ?? [];
      if (found !== undefined) told.push(`${idOf(at)} said: ${found}`);
    }
    return told;
  }

  async stop(): Promise<void> {
    for (let at = 0; at < ROUTER_COUNT; at++) this.freeze(at, false);
    await this.network.stop();
    await this.relays.close();
  }
}

function idOf(at: number): string {
  return `R${at}`;
}
