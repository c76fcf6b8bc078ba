/**
 * The line of three routers that the soak goes through: A and C offer each other a service over B, with mutual TLS.
 */
import { type Asked, Leftovers } from '../support/leftovers.ts';
import { LiveNetwork } from '../support/live-network.ts';
import { Relay } from '../support/relay.ts';
import { unusedPort } from '../support/tcp.ts';
import type { Ways } from './flows.ts';

export type LinkName = 'A-B' | 'C-B';

export class Line {
  private readonly network: LiveNetwork;
  readonly leftovers: Leftovers;
  readonly ways: Ways;
  private readonly relays: ReadonlyMap<LinkName, Relay>;
  private restarted: Promise<void> = Promise.resolve();

  private constructor(network: LiveNetwork, leftovers: Leftovers, ways: Ways, relays: ReadonlyMap<LinkName, Relay>) {
    this.network = network;
    this.leftovers = leftovers;
    this.ways = ways;
    this.relays = relays;
  }

  /**
   * @param mixed the one in the middle is the original
   * @param lossy links can be cut and be silent
   */
  static async start(backendPort: number, mixed: boolean, lossy: boolean): Promise<Line> {
    const network = new LiveNetwork();
    const a = await network.router('A');
    const b = await network.router('B', 'interior', mixed ? 'original' : 'ours');
    const c = await network.router('C');
    const relays = new Map<LinkName, Relay>();
    const over = (name: LinkName) => async (port: number) => {
      if (!lossy) return port;
      const relay = await Relay.to(port);
      relays.set(name, relay);
      return relay.port;
    };
    await network.link(a, b, { dialPort: over('A-B') });
    await network.link(c, b, { dialPort: over('C-B') });
    const deadPort = await unusedPort();
    const served: number[] = [];
    const unserved: number[] = [];
    for (const [near, far] of [
      [a, c],
      [c, a],
    ] as const) {
      served.push(await network.publish(near, `served-${far.id}`));
      unserved.push(await network.publish(near, `unserved-${far.id}`));
      network.offer(far, `served-${far.id}`, backendPort);
      network.offer(far, `unserved-${far.id}`, deadPort);
    }
    const asked: Asked[] = [];
    for (const router of [a, b, c]) asked.push({ router, amqpPort: await network.amqp(router) });
    const line = new Line(network, new Leftovers(network, asked), { served, unserved }, relays);
    try {
      await network.start();
      for (const port of [...served, ...unserved]) await network.accepting(port, true, START_PATIENCE_MS);
    } catch (error) {
      await line.stop();
      throw error;
    }
    return line;
  }

  /** Stops the middle router, or has it go on. */
  freeze(on: boolean): void {
    this.network.processes.signal('B', on ? 'SIGSTOP' : 'SIGCONT');
  }

  cut(links: readonly LinkName[]): void {
    for (const name of links) this.relays.get(name)?.cut();
  }

  mend(links: readonly LinkName[]): void {
    for (const name of links) this.relays.get(name)?.mend();
  }

  /** Nothing passes the links any more, and neither end is told; or it passes again. */
  silence(links: readonly LinkName[], on: boolean): void {
    for (const name of links) {
      if (on) this.relays.get(name)?.freeze();
      else this.relays.get(name)?.thaw();
    }
  }

  /** The middle router dies. */
  kill(): void {
    this.network.processes.kill('B');
  }

  /** It is there again, as soon as it can. */
  restart(): void {
    // A machine that has much to do may take longer than a start has: `whole` looks again.
    this.restarted = this.network.processes.ended('B').then(() => this.network.start('B').catch(() => {}));
  }

  /** The middle router is there again. @throws when it is not */
  async whole(): Promise<void> {
    await this.restarted;
    await this.leftovers.there(1);
  }

  async stop(): Promise<void> {
    for (const relay of this.relays.values()) await relay.close();
    await this.network.stop();
  }
}

const START_PATIENCE_MS = 60_000;
