/**
 * What is left in the routers of a live network when nothing ought to be: flows, octets, deliveries, links, connections, sockets. What
 * they have at rest is noted before, since an idle network has some of it.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { eventually } from './eventually.ts';
import type { LiveNetwork, LiveRouter } from './live-network.ts';
import { ManagementClient } from './management-client.ts';

/** Idle links for streams that a connection keeps in each direction. */
const LINKS_KEPT_MAX = 128;
const ROLES_OF_ROUTERS = ['inter-router', 'inter-router-data', 'edge', 'inter-edge'];
const START_PATIENCE_MS = 60_000;
const WARNINGS_SHOWN = 20;

/** A router and the port at which it is asked. */
export interface Asked {
  readonly router: LiveRouter;
  readonly amqpPort: number;
}

interface Rest {
  readonly sockets: ReadonlyMap<string, string>;
  /** To other routers: a link may get more of them later. */
  readonly routerConnections: number;
  /** Of clients and of services. */
  readonly connections: number;
  readonly links: number;
}

export class Leftovers {
  private readonly network: LiveNetwork;
  private readonly asked: readonly Asked[];
  private readonly atRest = new Map<string, Rest>();

  constructor(network: LiveNetwork, asked: readonly Asked[]) {
    this.network = network;
    this.asked = asked;
  }

  /** Notes what routers have that carry nothing; to be called before the first connection, when all links are up. */
  async noteRest(): Promise<void> {
    for (const [index, { router }] of this.asked.entries()) this.atRest.set(router.id, await this.there(index));
  }

  /** Waits until a router tells of itself. @throws when it does not */
  async there(index: number): Promise<Rest> {
    const look = async () => await this.look(index).catch(() => undefined);
    const what = `router ${this.asked[index]!.router.id} tells of itself`;
    return (await eventually(what, look, START_PATIENCE_MS)).rest;
  }

  /** What is left in the routers that was not there at rest, in words; empty when nothing is. */
  async left(): Promise<string[]> {
    const left: string[] = [];
    for (const [index, { router }] of this.asked.entries()) {
      const { id } = router;
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
      const more = rest.sockets.size - rest.routerConnections - (before.sockets.size - before.routerConnections);
      const fresh = [...rest.sockets].filter(([inode]) => !before.sockets.has(inode)).map(([, told]) => told);
      say(more, `sockets more than at rest; new since then: ${fresh.join(', ')}`);
      say(rest.connections - before.connections, `connections more than at rest; all: ${seen.told}`);
      const linksMax = before.links + rest.routerConnections * 2 * LINKS_KEPT_MAX;
      say(Math.max(0, rest.links - linksMax), `links more than the ${linksMax} it may keep`);
      for (const [what, count] of Object.entries(inUse)) say(count, what);
    }
    return left;
  }

  /** Resident memory of each router, MiB. */
  memoryMiB(): Record<string, number> {
    return Object.fromEntries(
      this.asked.map(({ router: { id } }) => {
        const [, kibibytes] = /^VmRSS:\s+(\d+)/m.exec(this.read(id, 'status')) ?? [];
        return [id, Math.round(Number(kibibytes) / 1024)];
      }),
    );
  }

  /** What the routers warned of last. */
  warnings(): string[] {
    return this.asked.flatMap(({ router: { id } }) =>
      this.network.processes
        .logOf(id)
        .split('\n')
        .filter((entry) => /"level":"(warn|error|fatal)"|\((warning|error|critical)\)/.test(entry))
        .slice(-WARNINGS_SHOWN)
        .map((entry) => `${id}: ${entry}`),
    );
  }

  private async look(index: number) {
    const { router, amqpPort } = this.asked[index]!;
    const metrics = await this.network.metrics(router);
    const client = await ManagementClient.connect(amqpPort);
    let links: Record<string, unknown>[];
    let connections: Record<string, unknown>[];
    try {
      links = await client.query('io.skupper.router.router.link');
      connections = await client.query('io.skupper.router.connection');
    } finally {
      client.close();
    }
    // Clients' links are those of this query; the TCP connections are counted apart.
    const ofRouters = links.filter(({ linkType }) => linkType !== 'endpoint');
    const sum = (attribute: string) => ofRouters.reduce((total, link) => total + Number(link[attribute] ?? 0), 0);
    const routerConnections = connections.filter(({ role }) => ROLES_OF_ROUTERS.includes(String(role))).length;
    return {
      told: connections.map(({ role, container, dir }) => `${role} ${dir} ${container}`).join(', '),
      rest: {
        sockets: this.socketsOf(router.id),
        routerConnections,
        connections: metrics('qdr_connections_total') - routerConnections,
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

/** Empty when it is gone. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
