/**
 * Open flows whose way is lost: they go on over another, or over the same when it is back in time, and their applications see a
 * pause at most. Every octet is checked by the applications themselves; what is left of a flow that is over is checked here.
 */
import { describe, expect, it } from 'vitest';
import type { ClientApp, FlowPlan } from '../support/sim/apps.ts';
import { randomNetwork, randomPlan, repair, run, whatIsWrong } from '../support/sim/chaos.ts';
import { type NetworkLink, RouterNetwork } from '../support/sim/router-network.ts';

const NEVER = Number.POSITIVE_INFINITY;
const BOTH_WAYS = { answers: 'at once', requestBytes: 12e6, responseBytes: 12e6 } as const;
/** Nothing is under way, nothing ends. */
const IDLE = { answers: 'at once', requestBytes: 1000, responseBytes: 1000, staysOpen: true } as const;

/** Full windows both ways. */
const STOPPED = { ...BOTH_WAYS, clientPauseMs: NEVER, serverPauseMs: NEVER };

/** A and C, and between them B, and D by links that cost more. */
function diamond(seed: number, flowPauseLimitMs?: number): RouterNetwork {
  const network = new RouterNetwork(seed, seed % 3);
  network.flowPauseLimitMs = flowPauseLimitMs;
  for (const id of ['A', 'B', 'C', 'D']) network.addRouter(id);
  network.connect('A', 'B');
  network.connect('C', 'B');
  network.connect('A', 'D', 3);
  network.connect('C', 'D', 3);
  network.addService('echo', ['C']);
  network.scheduler.runUntil(200);
  return network;
}

/** The same without D. */
function line(seed: number, flowPauseLimitMs?: number): RouterNetwork {
  const network = new RouterNetwork(seed, seed % 3);
  network.flowPauseLimitMs = flowPauseLimitMs;
  for (const id of ['A', 'B', 'C']) network.addRouter(id);
  network.connect('A', 'B');
  network.connect('C', 'B');
  network.addService('echo', ['C']);
  network.scheduler.runUntil(200);
  return network;
}

function start(network: RouterNetwork, plan: Partial<FlowPlan>, forMs = 30): ClientApp {
  const client = network.startFlow('A', 'echo', plan);
  network.scheduler.runFor(forMs);
  if (client === undefined) throw new Error('nobody listens');
  return client;
}

function link(network: RouterNetwork, at: number): NetworkLink {
  return network.links[at] as NetworkLink;
}

function counters(network: RouterNetwork, id: string) {
  return network.router(id).router.bridge.survivals.counters;
}

const LOSSES: Record<string, (network: RouterNetwork) => void> = {
  'the near link cut': (network) => network.cut(link(network, 0)),
  'the far link cut': (network) => network.cut(link(network, 1)),
  'both links silent': (network) => {
    network.freeze(link(network, 0));
    network.freeze(link(network, 1));
  },
  'the far link silent': (network) => network.freeze(link(network, 1)),
  'the router in the middle killed': (network) => network.restart('B', 5000),
  'one connection broken': (network) => network.breakOne(link(network, 0)),
};

describe('over another way a flow goes on, with', () => {
  for (const [name, lose] of Object.entries(LOSSES)) {
    it(name, () => {
      for (let seed = 0; seed < 6; seed++) {
        const network = diamond(seed);
        const both = start(network, { ...BOTH_WAYS, requestBytes: 3e6, responseBytes: 3e6 }, 10 + 7 * seed);
        const idle = start(network, IDLE);
        const half = start(network, { requestBytes: 1000, responseBytes: 2e6, clientPauseMs: 20 }, 20);
        const ending = start(network, { requestBytes: 5000, responseBytes: 5000, clientPauseMs: 5 }, 15 + seed);
        lose(network);
        network.scheduler.runFor(15_000);
        expect(
          [both, half, ending].map(({ isComplete }) => isComplete),
          `seed ${seed}`,
        ).toEqual([true, true, true]);
        expect(idle.isOver).toBe(false);
        idle.leave();
        network.scheduler.runFor(3000);
        expect([...network.flowFaults(), ...network.leftovers()], `seed ${seed}`).toEqual([]);
      }
    });
  }

  it('a pause of a fifth of a second, when the loss is known at once', () => {
    for (let seed = 0; seed < 10; seed++) {
      const network = diamond(seed);
      const client = start(network, { ...BOTH_WAYS, responseBytes: 100e6 }, 100);
      network.cut(link(network, seed % 2));
      network.scheduler.runFor(20);
      const before = client.receivedBytes;
      network.scheduler.runFor(200);
      expect(client.receivedBytes, `seed ${seed}`).toBeGreaterThan(before + 100_000);
    }
  });

  it('a way that is lost again and again, under it', () => {
    const network = diamond(3);
    const client = start(network, { ...BOTH_WAYS, clientPauseMs: 20, serverPauseMs: 20 });
    for (let turn = 0; turn < 12 && !client.isOver; turn++) {
      const lost = link(network, turn % 4);
      network.cut(lost);
      network.scheduler.runFor(37 + turn * 11);
      network.restore(lost);
      network.scheduler.runFor(120);
    }
    network.scheduler.runFor(20_000);
    expect(client.isComplete).toBe(true);
    expect(counters(network, 'A').resumed).toBeGreaterThan(5);
    expect(whatIsWrong(network)).toEqual([]);
  });
});

describe('over the same way a flow goes on', () => {
  it('when the router in the middle is back within the limit', () => {
    for (let seed = 0; seed < 6; seed++) {
      const network = line(seed);
      const idle = start(network, IDLE);
      const clients = [start(network, BOTH_WAYS), start(network, { requestBytes: 5, responseBytes: 3e6 }, 60)];
      network.restart('B', 1000 * seed);
      network.scheduler.runFor(40_000);
      expect(
        clients.map(({ isComplete }) => isComplete),
        `seed ${seed}`,
      ).toEqual([true, true]);
      expect(idle.isOver).toBe(false);
      idle.leave();
      network.scheduler.runFor(1000);
      expect(whatIsWrong(network)).toEqual([]);
    }
  });

  it('and not when it is back later: both ends are reset at the limit', () => {
    const network = line(1);
    const client = start(network, BOTH_WAYS);
    network.restart('B', 14_000);
    network.scheduler.runFor(9500);
    expect(client.isOver).toBe(false);
    network.scheduler.runFor(3000);
    expect([client.isBroken, client.servers.map(({ isBroken }) => isBroken)]).toEqual([true, [true]]);
    expect(counters(network, 'A').givenUp).toBe(1);
    network.scheduler.runFor(5000);
    expect(whatIsWrong(network)).toEqual([]);
  });

  it('and not where it is turned off at either end: both are reset at once', () => {
    for (const limits of [
      [0, undefined],
      [undefined, 0],
      [0, 0],
    ]) {
      const network = line(2);
      for (const [at, id] of ['A', 'C'].entries()) {
        const limitMs = limits[at];
        if (limitMs !== undefined) network.router(id).router.bridge.survivals.limitMs = limitMs;
      }
      const client = start(network, BOTH_WAYS);
      network.cut(link(network, 1));
      network.scheduler.runFor(100);
      expect([client.isBroken, client.servers.map(({ isBroken }) => isBroken)]).toEqual([true, [true]]);
    }
  });

  it('within the shorter limit of both ends', () => {
    const network = line(2);
    network.router('C').router.bridge.survivals.limitMs = 2000;
    const client = start(network, BOTH_WAYS);
    network.cut(link(network, 1));
    network.scheduler.runFor(2200);
    expect([client.isBroken, client.servers.map(({ isBroken }) => isBroken)]).toEqual([true, [true]]);
  });
});

describe('a reader that has stopped', () => {
  it('and that reads all there is while a stream resumes the flow is sent the rest', () => {
    for (let seed = 0; seed < 3; seed++) {
      const network = line(seed);
      const client = start(network, { answers: 'at once', requestBytes: 10, responseBytes: 5e6 }, 30);
      client.reads(false);
      network.scheduler.runFor(500);
      // The stream that resumes is sent, and its answer waits.
      network.freeze(link(network, 1));
      network.cut(link(network, 0));
      network.restore(link(network, 0));
      network.scheduler.runFor(400);
      client.reads(true);
      network.scheduler.runFor(300);
      network.thaw(link(network, 1));
      network.scheduler.runFor(10_000);
      expect([client.isBroken, client.receivedBytes], `seed ${seed}`).toEqual([false, 5e6]);
      expect(whatIsWrong(network)).toEqual([]);
    }
  });
});

describe('an end that is over', () => {
  it('by a reset is told to the other within 50 ms, half closed or not', () => {
    for (let seed = 0; seed < 10; seed++) {
      const network = diamond(seed);
      const plans: Partial<FlowPlan>[] = [
        { ...BOTH_WAYS, clientPauseMs: NEVER, serverPauseMs: NEVER },
        { requestBytes: 1000, responseBytes: 5e6, clientPauseMs: NEVER },
        { answers: 'at once', requestBytes: 5e6, responseBytes: 10, serverPauseMs: NEVER },
        IDLE,
      ];
      const clients = plans.map((plan) => start(network, plan, 50));
      for (const client of clients) client.leave();
      network.scheduler.runFor(50);
      expect(
        clients.map(({ servers }) => servers.map(({ isBroken }) => isBroken)),
        `seed ${seed}`,
      ).toEqual(plans.map(() => [true]));
      network.scheduler.runFor(500);
      expect(whatIsWrong(network)).toEqual([]);
    }
  });

  it('by a reset while the way is lost is told as soon as there is one', () => {
    for (let seed = 0; seed < 6; seed++) {
      const network = line(seed);
      const client = start(network, BOTH_WAYS);
      network.cut(link(network, 0));
      network.scheduler.runFor(200);
      client.leave();
      network.scheduler.runFor(3000);
      expect(client.servers.map(({ isClosed }) => isClosed)).toEqual([false]);
      network.restore(link(network, 0));
      network.scheduler.runFor(1500);
      expect(
        client.servers.map(({ isBroken }) => isBroken),
        `seed ${seed}`,
      ).toEqual([true]);
      expect(whatIsWrong(network)).toEqual([]);
    }
  });

  it('with its router is known as soon as that is back', () => {
    for (const id of ['A', 'C']) {
      const network = line(4);
      const client = start(network, BOTH_WAYS);
      network.restart(id, 2000);
      network.scheduler.runFor(1900);
      expect(client.isOver).toBe(false);
      network.scheduler.runFor(1500);
      expect(client.isOver, id).toBe(true);
      network.scheduler.runFor(500);
      expect(whatIsWrong(network)).toEqual([]);
    }
  });
});

describe('what a flow costs while it has no way', () => {
  it('is its window at each end, and nothing when it is over', () => {
    const network = line(5);
    const client = start(network, { ...BOTH_WAYS, requestBytes: 500e6, responseBytes: 500e6 }, 200);
    network.cut(link(network, 0));
    network.scheduler.runFor(5000);
    const { budget, survivals } = network.router('A').router.bridge;
    expect(survivals.agenda.count).toBe(1);
    expect(budget.usedBytes).toBeGreaterThan(100_000);
    expect(budget.usedBytes).toBeLessThan(64 * 1024 * 1024);
    client.leave();
    network.scheduler.runFor(12_000);
    expect([budget.usedBytes, survivals.agenda.count]).toEqual([0, 0]);
  });

  it('is one connection to its backend, which counts as one: also of those that were idle', () => {
    const network = diamond(7);
    const clients = Array.from({ length: 20 }, (_, i) => start(network, i % 2 ? IDLE : STOPPED, 20));
    network.scheduler.runFor(100);
    network.restart('B', 3000);
    network.scheduler.runFor(1000);
    expect(network.dialled).toHaveLength(clients.length);
    expect(network.router('C').router.bridge.connectors.get('C echo')?.openCount).toBe(clients.length);
    expect(network.router('A').router.bridge.totals()).toMatchObject({ connectionsOpened: 20, connectionsClosed: 0 });
  });
});

describe('whatever is lost when', () => {
  /** Routers at the ends stay: whatever begins is whole, unless an application breaks it off. */
  it('no flow is lost between ends that live', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const network = diamond(seed);
      network.addService('other', ['C', 'A']);
      network.scheduler.runFor(100);
      const clients: ClientApp[] = [];
      for (let step = 0; step < 60; step++) {
        const plan = { ...randomPlan(network), clientResetsAt: undefined, serverResetsAt: undefined };
        const client = network.startFlow(network.pick(['A', 'C']), network.pick(['echo', 'other']), plan);
        if (client !== undefined) clients.push(client);
        if (step % 3 === 0) {
          const lost = network.pick(network.links);
          network.pick([
            () => network.cut(lost),
            () => network.breakOne(lost),
            () => network.halfClose(lost),
            () => network.restart(network.pick(['B', 'D']), 100),
            () => network.restore(lost),
          ])();
          if (network.links.every(({ isCut }) => isCut)) repair(network);
        }
        network.scheduler.runFor(40 * network.random.next());
        expect(network.flowFaults(), `seed ${seed}`).toEqual([]);
      }
      repair(network);
      network.scheduler.runFor(30_000);
      const broken = clients.filter(({ isComplete, servers }) => !isComplete && servers.length > 0);
      expect(
        broken.map(({ plan }) => plan.id),
        `seed ${seed}`,
      ).toEqual([]);
      expect(whatIsWrong(network), `seed ${seed}`).toEqual([]);
    }
  });

  it('every flow is whole or broken off at both ends, in random networks', () => {
    let resumedCount = 0;
    for (let seed = 5000; seed < 5012; seed++) {
      const network = randomNetwork(seed, 3 + (seed % 4), 3, seed % 3);
      network.scheduler.runUntil(200);
      run(network, 80, 20, 0.5);
      repair(network);
      network.scheduler.runFor(60_000);
      expect(whatIsWrong(network), `seed ${seed}`).toEqual([]);
      for (const id of network.routers.keys()) resumedCount += counters(network, id).resumed;
    }
    expect(resumedCount).toBeGreaterThan(10);
  });
});
