/** Backends that do not answer, as addresses that have gone: nobody waits long while there is another, and the last one gets all the time. */
import { describe, expect, it } from 'vitest';
import type { ClientApp } from '../support/sim/apps.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { addConnector, addTiers, servedBy } from '../support/sim/services.ts';

const PASSED_OVER = 'backend is not reached: passed over while there is another';
const SEEDS = [1, 2, 3, 4];

/** Clients at A and at the edge E of A; backends at C and D, which know each other by B too. */
function network(seed: number): RouterNetwork {
  const made = new RouterNetwork(seed);
  for (const id of ['A', 'B', 'C', 'D']) made.addRouter(id);
  made.addRouter('E', 'edge');
  made.connect('A', 'B');
  made.connect('B', 'C');
  made.connect('A', 'D', 2);
  made.connect('C', 'D');
  made.connect('E', 'A');
  made.addService('one', []);
  return made;
}

function offer(made: RouterNetwork, ...names: string[]): void {
  for (const name of names) addConnector(made, name[0]!, name, 'one');
  made.scheduler.runFor(500);
}

interface Run {
  client: ClientApp;
  startedAt: number;
  /** 0 while it runs. */
  tookMs: number;
}

/** Short flows, one each `everyMs`, until all are over; how long each took. */
function runFlows(made: RouterNetwork, ats: readonly string[], service: string, everyMs: number, count: number): Run[] {
  const runs: Run[] = [];
  for (let step = 0; step < count * everyMs + 30_000; step += 5) {
    if (step % everyMs === 0 && runs.length < count) {
      const at = ats[runs.length % ats.length]!;
      const bound = runs.length % 3 === 0 ? `10.0.0.${runs.length}` : undefined;
      const client = made.startFlow(at, service, { requestBytes: 10, responseBytes: 10 }, bound);
      runs.push({ client: client!, startedAt: made.now, tookMs: 0 });
    }
    made.scheduler.runFor(5);
    for (const run of runs) if (run.tookMs === 0 && run.client.isOver) run.tookMs = made.now - run.startedAt;
    if (runs.length === count && runs.every(({ tookMs }) => tookMs > 0)) break;
  }
  return runs;
}

function longest(runs: readonly Run[]): number {
  return Math.max(...runs.map(({ tookMs }) => tookMs || Number.POSITIVE_INFINITY));
}

function expectServed(made: RouterNetwork, runs: readonly Run[], withinMs: number): void {
  expect(runs.filter(({ client }) => !client.isComplete)).toEqual([]);
  expect(longest(runs)).toBeLessThan(withinMs);
  expect(made.flowFaults()).toEqual([]);
  made.scheduler.runFor(12_000);
  expect(made.leftovers()).toEqual([]);
}

describe('while a site does not answer and another does', () => {
  it.each(SEEDS)('no client fails or waits for more than 1.2 s, seed %d', (seed) => {
    const made = network(seed);
    offer(made, 'C 1', 'C 2', 'C 3', 'D 1');
    for (const name of ['C 1', 'C 2', 'C 3']) made.swallowing.add(name);
    const runs = runFlows(made, ['A', 'B', 'C', 'D', 'E'], 'one', 50, 200);
    // Only a few have waited at all.
    expect(runs.filter(({ tookMs }) => tookMs > 500).length).toBeLessThan(60);
    expectServed(made, runs, 1300);
  });

  it.each(SEEDS)('the same with flows so rare that each is the first to find out, seed %d', (seed) => {
    const made = network(seed);
    offer(made, 'C 1', 'C 2', 'C 3', 'D 1');
    for (const name of ['C 1', 'C 2', 'C 3']) made.swallowing.add(name);
    expectServed(made, runFlows(made, ['A', 'E', 'B'], 'one', 2500, 15), 1300);
  });

  it.each(SEEDS)('the same when they are addresses of a tier, or of two, seed %d', (seed) => {
    for (const values of [
      { x: { value: 1 }, y: { value: 1 } },
      { x: { value: 2 }, y: { value: 1 } },
    ]) {
      const made = network(seed);
      for (const name of ['C 1', 'C 2']) addConnector(made, 'C', name, 'x');
      addConnector(made, 'D', 'D 1', 'y');
      addTiers(made, 'A', 'both', values);
      made.scheduler.runFor(500);
      for (const name of ['C 1', 'C 2']) made.swallowing.add(name);
      expectServed(made, runFlows(made, ['A'], 'both', 50, 100), 1300);
      const { bridge, forwarder } = made.router('C').router;
      expect(bridge.dialsHurriedCount).toBeGreaterThan(0);
      expect(bridge.dialsTimedOutCount).toBe(0);
      expect(forwarder.handedBackCount + bridge.dialsHurriedCount).toBeGreaterThan(1);
    }
  });

  it('clients in the router of those backends go elsewhere, and another backend there is one, too', () => {
    const made = network(5);
    offer(made, 'C 1', 'C 2');
    made.swallowing.add('C 1');
    expectServed(made, runFlows(made, ['C', 'A'], 'one', 50, 60), 1200);
  });
});

describe('a backend that is the only one', () => {
  it('has all the time there is, each time', () => {
    const made = network(6);
    offer(made, 'C 1');
    made.swallowing.add('C 1');
    for (let round = 0; round < 3; round++) {
      const [run] = runFlows(made, ['A'], 'one', 100, 1);
      expect(run!.client.isBroken).toBe(true);
      expect(run!.tookMs).toBeGreaterThanOrEqual(10_000);
    }
    const { bridge } = made.router('C').router;
    expect([bridge.dialsHurriedCount, bridge.dialsTimedOutCount]).toEqual([0, 3]);
    made.swallowing.clear();
    expect(servedBy(made, 'A', 'one')).toEqual(['C 1']);
  });

  it('has it too when all others refuse, whether it was passed over or not', () => {
    const made = network(7);
    addConnector(made, 'C', 'C 1', 'x');
    addConnector(made, 'D', 'D 1', 'y');
    addTiers(made, 'A', 'both', { x: { value: 2 }, y: { value: 1 } });
    made.scheduler.runFor(500);
    made.swallowing.add('C 1');
    expect(servedBy(made, 'A', 'both', undefined, 1200)).toEqual(['C 1', 'D 1']);
    made.refusing.add('D 1');
    made.swallowing.clear();
    expect(servedBy(made, 'A', 'both').at(-1)).toBe('C 1');
  });

  it('is tried again, with all the time, by a flow that gave it up for others that then refused', () => {
    const made = network(11);
    addConnector(made, 'C', 'C 1', 'x');
    addConnector(made, 'D', 'D 1', 'y');
    addTiers(made, 'A', 'both', { x: { value: 2 }, y: { value: 1 } });
    made.scheduler.runFor(500);
    made.swallowing.add('C 1');
    made.refusing.add('D 1');
    made.scheduler.after(900, () => made.swallowing.clear());
    expect(servedBy(made, 'A', 'both', undefined, 1200)).toEqual(['C 1', 'D 1', 'C 1']);
  });
});

describe('a connector whose backend did not answer', () => {
  it('is passed over for 2 s, then 4, 8 and 16, and looked at by its router each time, so that no flow need', () => {
    const made = network(8);
    offer(made, 'A 1', 'A 2');
    made.swallowing.add('A 1');
    const lookedAt: number[] = [];
    const start = made.now;
    let tried = 0;
    while (made.now - start < 60_000) {
      const [dialled, probed] = [made.dialled.length, made.probes.length];
      made.startFlow('A', 'one', { requestBytes: 10, responseBytes: 10 });
      made.scheduler.runFor(100);
      // The first second is for all who come before it is known.
      if (made.now - start > 1200) tried += made.dialled.slice(dialled).filter((name) => name === 'A 1').length;
      if (made.probes.slice(probed).includes('A 1')) lookedAt.push((made.now - start) / 1000);
    }
    const gaps = lookedAt.slice(1).map((at, i) => Math.round(at - lookedAt[i]!));
    expect([Math.round(lookedAt[0]!), ...gaps]).toEqual([3, 5, 9, 17, 17]);
    expect(tried).toBe(0);
    const { notes } = made.router('A');
    expect(notes.filter((note) => note === PASSED_OVER).length).toBe(1);
    expect(made.router('A').router.bridge.refusals.probesFailed).toBe(5);
  });

  it('is used again when its router has found it well, and its clients come back', () => {
    const made = network(9);
    offer(made, 'C 1', 'C 2', 'D 1');
    const clients = Array.from({ length: 40 }, (_, i) => `10.0.1.${i}`);
    const all = (withinMs?: number) =>
      new Map(clients.map((client) => [client, servedBy(made, 'A', 'one', client, withinMs).at(-1)!]));
    const first = all();
    expect(new Set(first.values())).toEqual(new Set(['C 1', 'C 2', 'D 1']));
    made.swallowing.add('C 1');
    const without = all(1300);
    for (const [client, name] of first) {
      if (name === 'C 1') expect(without.get(client)).not.toBe('C 1');
      else expect([client, without.get(client)]).toEqual([client, name]);
    }
    expect(made.router('C').router.bridge.passedOverCount()).toBe(1);
    made.swallowing.clear();
    made.scheduler.runFor(16_000);
    expect(made.router('C').router.bridge.passedOverCount()).toBe(0);
    expect(made.router('C').notes).toContain('backend is reached again');
    expect(all()).toEqual(first);
  });

  it('makes its router give streams back at once, without a dial', () => {
    const made = new RouterNetwork(10);
    for (const id of ['A', 'C', 'D']) made.addRouter(id);
    made.connect('A', 'C');
    made.connect('A', 'D');
    made.addService('one', []);
    offer(made, 'C 1', 'D 1');
    made.swallowing.add('C 1');
    runFlows(made, ['A'], 'one', 100, 12);
    const dialled = made.dialled.length;
    const runs = runFlows(made, ['A'], 'one', 20, 30);
    expect(made.dialled.slice(dialled).filter((name) => name === 'C 1')).toEqual([]);
    expect(made.router('C').router.forwarder.handedBackCount).toBeGreaterThan(10);
    expectServed(made, runs, 100);
  });
});
