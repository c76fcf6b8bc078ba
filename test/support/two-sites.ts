/**
 * Two sites of two routers each, all of one linked to all of the other: a service's backend is at the routers of the east, its
 * clients at those of the west. Routers are restarted as an upgrade does it: told to stop, and started when they have ended.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { eventually } from './eventually.ts';
import { LiveNetwork, type LiveRouter } from './live-network.ts';

export const WEST = ['W1', 'W2'] as const;
export const EAST = ['E1', 'E2'] as const;
const READY_MS_MAX = 60_000;
/**
 * As pods do, services accept for a few seconds, so that who leads clients to them learns of it also when it is slow. What is open has far
 * longer than it needs: on a busy machine seconds pass between two steps of a client.
 */
const DRAIN = ['--drain-grace', '5s', '--drain', '60s'];

export class TwoSites {
  readonly network = new LiveNetwork();
  readonly routers = new Map<string, LiveRouter>();
  /** Of the tcpListener of each router of the west. */
  readonly ports = new Map<string, number>();

  static async start(backendPort: number): Promise<TwoSites> {
    const sites = new TwoSites();
    const { network, routers } = sites;
    network.processes.args.push(...DRAIN);
    for (const id of [...WEST, ...EAST]) routers.set(id, await network.router(id));
    const of = (id: string): LiveRouter => routers.get(id)!;
    await network.link(of('W1'), of('W2'));
    await network.link(of('E1'), of('E2'));
    for (const west of WEST) for (const east of EAST) await network.link(of(west), of(east));
    for (const west of WEST) sites.ports.set(west, await network.publish(of(west), 'web'));
    for (const east of EAST) network.offer(of(east), 'web', backendPort);
    await network.start();
    for (const id of routers.keys()) await sites.ready(id);
    for (const port of sites.ports.values()) await network.accepting(port);
    return sites;
  }

  /** What a load balancer asks: whether it should send clients there. */
  async isReady(id: string): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.routers.get(id)!.httpPort}/readyz`)).ok;
    } catch {
      return false;
    }
  }

  async ready(id: string): Promise<void> {
    await eventually(
      () => `router ${id} is ready\n${this.network.evidence()}`,
      () => this.isReady(id),
      READY_MS_MAX,
    );
  }

  /** @returns the exit status of the process that was told to stop */
  async restart(id: string): Promise<number | null> {
    this.network.processes.signal(id, 'SIGTERM');
    const status = await this.network.processes.ended(id);
    await this.network.start(id);
    await this.ready(id);
    const port = this.ports.get(id);
    if (port !== undefined) await this.network.accepting(port);
    return status;
  }

  async stop(): Promise<void> {
    await this.network.stop();
  }
}

/**
 * A client that connects, asks, and reads the answer to its end. @returns the answer
 * @throws Error with what went wrong; `code` is ECONNREFUSED when there was nobody
 */
export async function ask(port: number, question: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  // A reset after the answer is nobody's fault.
  socket.on('error', () => {});
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  socket.end(question);
  await once(socket, 'end');
  return Buffer.concat(pieces).toString();
}
