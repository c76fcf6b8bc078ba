/** Routers that are told to stop, or to drain, under clients that come all the time. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { connect, echoServer, type Listening, listen } from '../support/tcp.ts';
import { ask, EAST, TwoSites, WEST } from '../support/two-sites.ts';

const CLIENTS = 8;
const BALANCER_MS = 50;

/** Clients behind a load balancer that asks each router now and then, and goes to another when one refuses. */
class BalancedClients {
  readonly failures: string[] = [];
  answeredCount = 0;
  private readonly sites: TwoSites;
  private readonly ready = new Set<string>(WEST);
  private readonly ended: Promise<unknown>;
  private stopped = false;

  constructor(sites: TwoSites) {
    this.sites = sites;
    this.ended = Promise.all([this.look(), ...Array.from({ length: CLIENTS }, (_, client) => this.come(client))]);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.ended;
  }

  private async look(): Promise<void> {
    while (!this.stopped) {
      for (const id of WEST) {
        if (await this.sites.isReady(id)) this.ready.add(id);
        else this.ready.delete(id);
      }
      await sleep(BALANCER_MS);
    }
  }

  private async come(client: number): Promise<void> {
    for (let turn = 0; !this.stopped; turn++) {
      const question = `question ${turn} of client ${client}`;
      const answer = await this.ask(turn + client, question);
      if (answer === question) this.answeredCount++;
      else this.failures.push(`${question}: ${answer}`);
    }
  }

  private async ask(turn: number, question: string): Promise<string> {
    const usable = this.ready.size > 0 ? [...this.ready] : WEST;
    const first = usable[turn % usable.length]!;
    let told = '';
    for (const id of [first, ...WEST.filter((each) => each !== first)]) {
      try {
        return await ask(this.sites.ports.get(id)!, question);
      } catch (error) {
        told = `${id}: ${error}`;
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') break;
      }
    }
    return told;
  }
}

describe('every router of two sites of two, restarted one after the other', () => {
  let sites: TwoSites;
  let backend: Listening;
  beforeAll(async () => {
    backend = await echoServer();
    sites = await TwoSites.start(backend.port);
  });
  afterAll(async () => {
    await sites?.stop();
    await backend?.close();
  });

  it('costs clients that come all the time no connection', async () => {
    const clients = new BalancedClients(sites);
    for (const id of [...WEST, ...EAST]) expect(await sites.restart(id)).toBe(0);
    await clients.stop();
    expect(clients.failures).toEqual([]);
    expect(clients.answeredCount).toBeGreaterThan(100);
  });
});

describe('a router', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** West dials east; the service is at east. */
  async function pair({ onSocket, args = [] }: PairOptions = {}): Promise<Pair> {
    const backend = onSocket ? await listen(onSocket) : await echoServer();
    closers.push(() => backend.close());
    const network = new LiveNetwork();
    network.processes.args.push(...args);
    closers.push(() => network.stop());
    const west = await network.router('west');
    const east = await network.router('east');
    await network.link(west, east);
    const ports = { west: await network.publish(west, 'echo'), east: await network.publish(east, 'echo') };
    network.offer(east, 'echo', backend.port);
    await network.start();
    for (const port of Object.values(ports)) await network.accepting(port);
    return { network, west, east, ports };
  }

  it('that is to drain says so, closes its services, keeps what is open, and comes back', async () => {
    const { network, east, ports } = await pair();
    const open = await connect(ports.east);
    await eventually('ready', async () => (await probe(east)).every((status) => status === 200));
    network.routerAttributes(east, { adminStatus: 'draining' });
    network.rewrite(east);
    await eventually('not ready', async () => (await probe(east))[1] === 503);
    expect((await probe(east))[0]).toBe(200);
    for (const port of [ports.west, ports.east]) await network.accepting(port, false);
    open.write('still there');
    expect(String((await once(open, 'data'))[0])).toBe('still there');
    network.routerAttributes(east, {});
    network.rewrite(east);
    for (const port of [ports.west, ports.east]) await network.accepting(port);
    open.end('and now');
    expect(String((await once(open, 'data'))[0])).toBe('and now');
  });

  it('that is told to stop lets a connection end that does so in time', async () => {
    // Whatever this machine takes for the steps below is in time.
    const { network, ports } = await pair({ args: ['--drain', '100s'] });
    const open = await connect(ports.west);
    open.write('one');
    await once(open, 'data');
    network.processes.signal('east', 'SIGTERM');
    await network.accepting(ports.west, false);
    open.end('two');
    expect(String((await once(open, 'data'))[0])).toBe('two');
    await once(open, 'end');
    expect(await network.processes.ended('east')).toBe(0);
  });

  it('that is told to stop resets what goes on for too long, at both ends, and is gone', async () => {
    const atBackend: string[] = [];
    const { network, ports } = await pair({
      onSocket: (socket) => {
        // Who only looks whether the port is open says nothing.
        socket.once('data', () =>
          socket.on('error', (error: NodeJS.ErrnoException) => atBackend.push(`${error.code}`)),
        );
        socket.on('data', (bytes) => socket.write(bytes));
      },
    });
    const open = await connect(ports.west);
    open.write('one');
    await once(open, 'data');
    const broken = once(open, 'error');
    network.processes.signal('west', 'SIGTERM');
    const [error] = (await broken) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    expect(await network.processes.ended('west')).toBe(0);
    await eventually('the backend is told', () => atBackend.length > 0);
    expect(atBackend).toEqual(['ECONNRESET']);
  });
});

interface PairOptions {
  /** What the backend does instead of an echo. */
  onSocket?: Parameters<typeof listen>[0];
  /** Of both routers' command lines. */
  args?: readonly string[];
}

interface Pair {
  network: LiveNetwork;
  west: LiveRouter;
  east: LiveRouter;
  ports: { west: number; east: number };
}

/** Statuses of /healthz and /readyz. */
async function probe({ httpPort }: LiveRouter): Promise<number[]> {
  const answers = ['healthz', 'readyz'].map((path) => fetch(`http://127.0.0.1:${httpPort}/${path}`));
  return (await Promise.all(answers)).map(({ status }) => status);
}
