/** Open connections between two of our routers that have only originals in between: what the ends agree on, and what they outlive. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { originalRouter } from '../support/original-router.ts';
import { echoServer, type Listening } from '../support/tcp.ts';
import { EchoFlow } from './echo-flow.ts';
import { READY_MS_MAX, START_MS_MAX } from './network.ts';

const MIB = 1024 * 1024;
const FLOW_COUNT = 8;
/** Originals may take 11 s until they are linked and know of each other. */
const PAUSE_SECONDS = '50';
/** A frozen original is given up by AMQP's idle time-out, 16 s, on a machine that may be busy. */
const GOES_ON_MS_MAX = 60_000;

interface Counts {
  readonly lost: number;
  readonly found: number;
  readonly givenUp: number;
  readonly paused: number;
  readonly reset: number;
}

/** Ours at both ends; each of them dials the originals, which are linked to nobody else. */
class Ends {
  readonly network = new LiveNetwork();
  readonly flows: EchoFlow[] = [];
  port = 0;
  private west!: LiveRouter;
  private east!: LiveRouter;
  private readonly amqp: number[] = [];
  private readonly echo: Listening;
  private before: Counts | undefined;

  private constructor(echo: Listening) {
    this.echo = echo;
  }

  static async start(transits: readonly string[]): Promise<Ends> {
    process.env.SKUPRT_FLOW_PAUSE_SECONDS = PAUSE_SECONDS;
    const ends = new Ends(await echoServer());
    try {
      await ends.configure(transits);
      await ends.network.start();
      for (const id of transits) await ends.linked(id);
      await ends.network.accepting(ends.port, true, READY_MS_MAX);
      return ends;
    } catch (error) {
      await ends.stop();
      throw error;
    }
  }

  private async configure(transits: readonly string[]): Promise<void> {
    const { network } = this;
    this.west = await network.router('west');
    this.east = await network.router('east');
    for (const id of transits) {
      const transit = await network.router(id, 'interior', 'original');
      await network.link(this.west, transit);
      await network.link(this.east, transit);
    }
    for (const end of [this.west, this.east]) this.amqp.push(await network.amqp(end));
    this.port = await network.publish(this.west, 'echo');
    network.offer(this.east, 'echo', this.echo.port);
  }

  async stop(): Promise<void> {
    for (const { socket } of this.flows) socket.destroy();
    await this.network.stop();
    await this.echo.close();
  }

  async open(count: number): Promise<void> {
    const evidence = () => this.network.evidence();
    const open = () => EchoFlow.open(this.port, READY_MS_MAX, evidence);
    this.flows.push(...(await Promise.all(Array.from({ length: count }, open))));
    // A client that only looked whether the port is open may count: its reset, too, begins as a way that is lost.
    await eventually('no flow is without a way', async () => (await this.counts()).paused === 0);
    this.before = await this.counts();
  }

  /** Each flow has got back all that it sent. */
  async whole(): Promise<void> {
    const states = () => this.flows.map(({ state }) => state).join(', ');
    const isOver = () => this.flows.every(({ isWhole, ended, fault }) => isWhole || ended || fault);
    await eventually(() => `all goes on: ${states()}\n${this.network.evidence()}`, isOver, GOES_ON_MS_MAX);
    expect(new Set(this.flows.map(({ state }) => state))).toEqual(new Set(['whole']));
  }

  send(byteCount: number): void {
    for (const flow of this.flows) flow.send(byteCount);
  }

  /** Both ends have it as their neighbour. */
  async linked(transit: string): Promise<void> {
    for (const port of this.amqp) {
      const management = await ManagementClient.connect(port);
      const look = async () =>
        (await management.query('router.node')).some(({ id, cost }) => id === transit && cost === 1);
      await eventually(() => `${transit} is a neighbour\n${this.network.evidence()}`, look, READY_MS_MAX);
      management.close();
    }
  }

  async counts(): Promise<Counts> {
    const [west, east] = await Promise.all([this.west, this.east].map((end) => this.network.metrics(end)));
    const sum = (name: string) => west!(`skuprt_router_${name}`) + east!(`skuprt_router_${name}`);
    return {
      lost: sum('flow_ways_lost_total'),
      found: sum('flow_ways_found_total'),
      givenUp: sum('flows_given_up_total'),
      paused: sum('flows_paused'),
      reset: sum('flows_reset_total'),
    };
  }

  /** Flows end by FIN, and all of them went on. */
  async end(): Promise<void> {
    for (const { socket } of this.flows) socket.end();
    const states = () => this.flows.map(({ ended, state }) => ended ?? state).join(', ');
    await eventually(
      () => `all end: ${states()}`,
      () => this.flows.every(({ ended }) => ended),
    );
    expect(new Set(this.flows.map(({ ended }) => ended))).toEqual(new Set(['fin']));
    const counts = await this.counts();
    expect(counts).toMatchObject({ givenUp: 0, paused: 0 });
    expect(counts.lost).toBeGreaterThan(this.before!.lost);
    expect(counts.found - this.before!.found).toBe(counts.lost - this.before!.lost);
  }
}

describe.runIf(originalRouter)('with two originals next to each other between two of ours', () => {
  let ends: Ends;
  beforeAll(async () => {
    ends = await Ends.start(['one', 'other']);
    await ends.open(FLOW_COUNT);
  }, START_MS_MAX);
  afterAll(async () => await ends?.stop());

  test('flows go on over the other when one is killed', async () => {
    await ends.whole();
    ends.send(MIB);
    ends.network.processes.kill('one');
    await ends.whole();
  });

  test('and over the one, started again, when the other is', async () => {
    await ends.network.start('one');
    await ends.linked('one');
    ends.send(MIB);
    ends.network.processes.kill('other');
    await ends.whole();
  });

  test('and when it is frozen', async () => {
    await ends.network.start('other');
    await ends.linked('other');
    ends.network.processes.signal('one', 'SIGSTOP');
    ends.send(MIB);
    await ends.whole();
    ends.network.processes.signal('one', 'SIGCONT');
    ends.send(MIB);
    await ends.whole();
    await ends.end();
  });
});

describe.runIf(originalRouter)('with one original between two of ours', () => {
  let ends: Ends;
  beforeAll(async () => {
    ends = await Ends.start(['transit']);
    await ends.open(FLOW_COUNT);
  }, START_MS_MAX);
  afterAll(async () => await ends?.stop());

  test('flows go on when it has been started again', async () => {
    ends.send(MIB);
    ends.network.processes.kill('transit');
    await ends.network.processes.ended('transit');
    await ends.network.start('transit');
    await ends.whole();
    await ends.end();
  });

  test('a flow of which the client resets is over at the server', async () => {
    ends.flows.length = 0;
    await ends.open(1);
    const { reset } = await ends.counts();
    ends.flows[0]!.socket.resetAndDestroy();
    await eventually('both ends count a reset', async () => (await ends.counts()).reset >= reset + 2);
    expect((await ends.counts()).paused).toBe(0);
  });
});
