/**
 * The line of three routers that the soak goes through: A and C offer each other a service over B, with mutual TLS. Tells what is left
 * in them when nothing ought to be, and how much memory they have.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { Relay } from '../support/relay.ts';
import { unusedPort } from '../support/tcp.ts';
import type { Ways } from './flows.ts';

/** Idle links for streams that a connection keeps in each direction. */
const LINKS_KEPT_MAX = 128;

export type LinkName = 'A-B' | 'C-B';

interface Rest {
  readonly sockets: ReadonlyMap<string, string>;
  readonly connections: number;
  readonly links: number;
}

export class Line {
  private readonly network: LiveNetwork;
  private readonly routers: readonly LiveRouter[];
  private readonly amqpPorts: readonly number[];
  readonly ways: Ways;
  private readonly relays: ReadonlyMap<LinkName, Relay>;
  private readonly atRest = new Map<string, Rest>();
  private restarted: Promise<void> = Promise.resolve();

  private constructor(
    network: LiveNetwork,
    routers: readonly LiveRouter[],
    amqpPorts: readonly number[],
    ways: Ways,
    relays: ReadonlyMap<LinkName, Relay>,
  ) {
    this.network = network;
    this.routers = routers;
    this.amqpPorts = amqpPorts;
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
    const amqpPorts = [await network.amqp(a), await network.amqp(b), await network.amqp(c)];
    const line = new Line(network, [a, b, c], amqpPorts, { served, unserved }, relays);
    try {
      await network.start();
      for (const port of [...served, ...unserved]) await network.accepting(port, true, START_PATIENCE_MS);
    } catch (error) {
      await line.stop();
      throw error;
    }
    return line;
  }

  /** Notes what routers have that carry nothing; to be called before the first connection, when all links are up. */
  async noteRest(): Promise<void> {
    for (const [index, { id }] of this.routers.entries()) {
      const look = async () => await this.look(index).catch(() => undefined);
      this.atRest.set(id, (await eventually(`router ${id} tells of itself`, look, START_PATIENCE_MS)).rest);
    }
  }

  /** What is left in the routers that was not there at rest, in words; empty when nothing is. */
  async leftovers(): Promise<string[]> {
    const left: string[] = [];
    for (const [index, { id }] of this.routers.entries()) {
      const seen = await this.look(index).catch((error: Error) => error);
      if (seen instanceof Error) {
        left.push(`${id} does not tell of itself: ${seen.message}`);
        continue;
      }
      const { rest, inUse } = seen;
      const before = this.atRest.get(id)!;
      const say = (count: number, what: string): void => {
        if (count !== 0) left.push(`${id} has ${count} ${what}`);
      };
      const more = rest.sockets.size - before.sockets.size;
      const fresh = [...rest.sockets].filter(([inode]) => !before.sockets.has(inode)).map(([, told]) => told);
      say(more, `sockets more than at rest; new since then: ${fresh.join(', ')}`);
      say(rest.connections - before.connections, 'connections more than at rest');
      const linksMax = before.links + before.connections * 2 * LINKS_KEPT_MAX;
      say(Math.max(0, rest.links - linksMax), `links more than the ${linksMax} it may keep`);
      for (const [what, count] of Object.entries(inUse)) say(count, what);
    }
    return left;
  }

  /** Resident memory of each router, MiB. */
  memoryMiB(): Record<string, number> {
    return Object.fromEntries(
      this.routers.map(({ id }) => {
        const [, kibibytes] = /^VmRSS:\s+(\d+)/m.exec(this.read(id, 'status')) ?? [];
        return [id, Math.round(Number(kibibytes) / 1024)];
      }),
    );
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
    const look = async () => await this.look(1).catch(() => undefined);
    await eventually('router B is there again', look, START_PATIENCE_MS);
  }

  /** What the routers warned of last. */
  warnings(): string[] {
    return this.routers.flatMap(({ id }) =>
      this.network.processes
        .logOf(id)
        .split('\n')
        .filter((entry) => /"level":"(warn|error|fatal)"|\((warning|error|critical)\)/.test(entry))
        .slice(-WARNINGS_SHOWN)
        .map((entry) => `${id}: ${entry}`),
    );
  }

  async stop(): Promise<void> {
    for (const relay of this.relays.values()) await relay.close();
    await this.network.stop();
  }

  private async look(index: number) {
    const router = this.routers[index]!;
    const metrics = await this.network.metrics(router);
    const client = await ManagementClient.connect(this.amqpPorts[index]!);
    let links: Record<string, unknown>[];
    try {
      links = await client.query('io.skupper.router.router.link');
    } finally {
      client.close();
    }
    // Clients' links are those of this query; the TCP connections are counted apart.
    const ofRouters = links.filter(({ linkType }) => linkType !== 'endpoint');
    const sum = (attribute: string) => ofRouters.reduce((total, link) => total + Number(link[attribute] ?? 0), 0);
    return {
      rest: {
        sockets: this.socketsOf(router.id),
        connections: metrics('qdr_connections_total'),
        links: ofRouters.length,
      },
      inUse: {
        'TCP flows open': metrics('skuprt_router_flows_open'),
        'octets in buffers': metrics('skuprt_router_buffered_bytes'),
        'stuck deliveries': metrics('qdr_deliveries_stuck_total'),
        'unsettled deliveries': sum('unsettledCount'),
        'undelivered deliveries': sum('undeliveredCount'),
        // Routers that keep to the rules are never taken for liars, whatever is lost between them.
        'rules seen broken': metrics('skuprt_router_peer_faults_total'),
      },
    };
  }

  /** By their numbers, as `local - remote state`; none where the system does not tell. */
  private socketsOf(id: string): Map<string, string> {
    const told = new Map<string, string>();
    for (const file of ['net/tcp', 'net/tcp6']) {
      for (const row of this.read(id, file).split('\n').slice(1)) {
        const [, local, remote, state, , , , , , inode] = row.trim().split(/\s+/);
        if (inode !== undefined) told.set(inode, `${local} - ${remote} ${state}`);
      }
    }
    const directory = `/proc/${this.network.processes.pid(id)}/fd`;
    const sockets = new Map<string, string>();
    try {
      for (const name of readdirSync(directory)) {
        const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`${directory}/${name}`)) ?? [];
        if (inode !== undefined) sockets.set(inode, told.get(inode) ?? 'no TCP');
      }
    } catch {
      // Without /proc there is nothing to tell.
    }
    return sockets;
  }

  private read(id: string, file: string): string {
    try {
      return readFileSync(`/proc/${this.network.processes.pid(id)}/${file}`, 'utf8');
    } catch {
      return '';
    }
  }
}

const START_PATIENCE_MS = 60_000;
const WARNINGS_SHOWN = 20;

/** Empty when it is gone. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
