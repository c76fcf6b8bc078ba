/** Our routers that drain, and backends of ours that are not well, in networks with originals: what those do with what they are told. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { originalRouter } from '../support/original-router.ts';
import { type Listening, listen } from '../support/tcp.ts';
import { EchoFlow } from './echo-flow.ts';
import { READY_MS_MAX, START_MS_MAX } from './network.ts';

const FLOW_COUNT = 12;

/** `near` and `far`, linked by two ways of one cost, over `one`, ours, and `other`; backends behind `one` and `far`. */
class Diamond {
  readonly network = new LiveNetwork();
  readonly reached: Record<string, number> = {};
  port = 0;
  near!: LiveRouter;
  one!: LiveRouter;
  far!: LiveRouter;
  private amqp = 0;
  private readonly closers: (() => Promise<void>)[] = [];

  static async start(): Promise<Diamond> {
    const diamond = new Diamond();
    try {
      await diamond.configure();
      return diamond;
    } catch (error) {
      await diamond.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.network.stop();
    for (const close of this.closers) await close();
  }

  async open(): Promise<EchoFlow> {
    return await EchoFlow.open(this.port, READY_MS_MAX, () => this.network.evidence());
  }

  /** So many flows are opened and ended; where their connections came to. */
  async count(): Promise<Record<string, number>> {
    const before = { ...this.reached };
    // One after the other: the original balances by what is under way.
    for (let count = 0; count < FLOW_COUNT; count++) (await this.open()).socket.destroy();
    return Object.fromEntries(Object.entries(this.reached).map(([id, count]) => [id, count - before[id]!]));
  }

  /** What `near` says of the way to a router. */
  async way(id: string): Promise<Record<string, unknown> | undefined> {
    const management = await ManagementClient.connect(this.amqp);
    try {
      return (await management.query('router.node')).find((node) => node.id === id);
    } finally {
      management.close();
    }
  }

  private async configure(): Promise<void> {
    const { network } = this;
    this.near = await network.router('near', 'interior', 'original');
    this.one = await network.router('one');
    const other = await network.router('other', 'interior', 'original');
    this.far = await network.router('far', 'interior', 'original');
    for (const transit of [this.one, other]) {
      await network.link(transit, this.near);
      await network.link(transit, this.far);
    }
    this.amqp = await network.amqp(this.near);
    this.port = await network.publish(this.near, 'echo');
    for (const router of [this.one, this.far]) network.offer(router, 'echo', await this.backend(router.id));
    await network.start();
    await network.accepting(this.port, true, READY_MS_MAX);
  }

  /** Echoes what it gets; a connection counts with its first octets. */
  private async backend(id: string): Promise<number> {
    this.reached[id] = 0;
    const backend: Listening = await listen((socket) => {
      socket.once('data', () => this.reached[id]!++);
      socket.pipe(socket);
    });
    this.closers.push(() => backend.close());
    return backend.port;
  }
}

describe.runIf(originalRouter)('our router between originals, with a service of its own', () => {
  let diamond: Diamond;
  beforeAll(async () => {
    diamond = await Diamond.start();
  }, START_MS_MAX);
  afterAll(async () => await diamond?.stop());

  /** All that come reach this router's backend and no other's. */
  async function only(id: string): Promise<void> {
    const all = Object.fromEntries(Object.keys(diamond.reached).map((each) => [each, each === id ? FLOW_COUNT : 0]));
    let seen = {};
    const look = async () => {
      seen = await diamond.count();
      return JSON.stringify(seen) === JSON.stringify(all);
    };
    const what = () => `all reach ${id}: ${JSON.stringify(seen)}\n${diamond.network.evidence()}`;
    await eventually(what, look, READY_MS_MAX);
  }

  test('has what comes, since it is the nearest', async () => {
    await only('one');
  });

  test('drains: what is open goes on, new connections go elsewhere, ways lead round it', async () => {
    const { network, one } = diamond;
    const open = await diamond.open();
    network.routerAttributes(one, { adminStatus: 'draining' });
    network.rewrite(one);
    await only('far');
    let way: unknown;
    const isAvoided = async () => {
      const far = await diamond.way('far');
      way = far;
      return far?.nextHop === 'other' && far.cost === 2;
    };
    await eventually(() => `ways lead round it: ${JSON.stringify(way)}`, isAvoided, READY_MS_MAX);
    open.send(1_000_000);
    await eventually(
      () => `what is open goes on: ${open.state}`,
      () => open.isWhole,
    );
    open.socket.destroy();
  });

  test('comes back', async () => {
    const { network, one } = diamond;
    network.routerAttributes(one, {});
    network.rewrite(one);
    await only('one');
  });

  test('is told to stop: nobody is refused', async () => {
    const { network } = diamond;
    let ended = false;
    const exited = (async () => {
      network.processes.signal('one', 'SIGTERM');
      const status = await network.processes.ended('one');
      ended = true;
      return status;
    })();
    const counts: number[] = [];
    while (!ended) counts.push(Object.values(await diamond.count()).reduce((sum, count) => sum + count));
    expect(await exited).toBe(0);
    await only('far');
    expect(new Set(counts)).toEqual(new Set([FLOW_COUNT]));
  });
});

describe.runIf(originalRouter)('a backend of ours that fails its health check', () => {
  const network = new LiveNetwork();
  const reached = { ours: 0, original: 0 };
  const backends: Listening[] = [];
  let isWell = true;
  let port = 0;

  beforeAll(async () => {
    const near = await network.router('near', 'interior', 'original');
    const ours = await network.router('ours');
    const beyond = await network.router('beyond');
    const original = await network.router('original', 'interior', 'original');
    await network.link(ours, near);
    await network.link(ours, beyond);
    await network.link(beyond, original);
    port = await network.publish(near, 'web');
    const check = { healthCheck: 'http', healthCheckPath: '/', healthCheckIntervalSeconds: 1, unhealthyThreshold: 2 };
    for (const router of [ours, original] as const) {
      const id = router.id as keyof typeof reached;
      const relay = await listen((socket) => {
        socket.once('data', (first: Buffer) => {
          if (String(first).startsWith('GET')) {
            socket.end(`HTTP/1.1 ${isWell ? '200 OK' : '503 Gone'}\r\nContent-Length: 0\r\n\r\n`);
          } else {
            reached[id]++;
            socket.write(first);
            socket.pipe(socket);
          }
        });
      });
      backends.push(relay);
      const more = id === 'ours' ? { ...check, healthyThreshold: 1 } : {};
      router.entities.push([
        'tcpConnector',
        { name: 'web', address: 'web', host: '127.0.0.1', port: relay.port, ...more },
      ]);
    }
    await network.start();
    await network.accepting(port, true, READY_MS_MAX);
  }, START_MS_MAX);
  afterAll(async () => {
    await network.stop();
    for (const each of backends) await each.close();
  });

  async function only(id: keyof typeof reached): Promise<void> {
    const look = async () => {
      const before = { ...reached };
      for (let count = 0; count < FLOW_COUNT; count++)
        (await EchoFlow.open(port, READY_MS_MAX, () => network.evidence())).socket.destroy();
      return reached[id] - before[id] === FLOW_COUNT;
    };
    await eventually(() => `all reach ${id}: ${JSON.stringify(reached)}\n${network.evidence()}`, look, READY_MS_MAX);
  }

  test('has no more connections from an original, as long as an original has the service too', async () => {
    await only('ours');
    isWell = false;
    await only('original');
    isWell = true;
    await only('ours');
  });

  test('has them again when no other is left', async () => {
    isWell = false;
    await only('original');
    network.processes.kill('original');
    await only('ours');
  });
});
