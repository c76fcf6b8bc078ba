/**
 * Networks of whole routers with clients and servers at their edges, under faults.
 *
 * At any time no client or server gets an octet that its other end did not send, in another place or twice, and FIN only
 * behind all of them. When the faults are over: all routers agree, every flow is over at all ends, nothing of it is left.
 */
import { describe, expect, it } from 'vitest';
import { drainRouter } from '../../router/core/drain.ts';
import { FLOW_WINDOW_BYTES_LOW } from '../../router/core/limits.ts';
import { disagreements, viewOfRouters } from '../support/sim/agreement.ts';
import type { ClientApp } from '../support/sim/apps.ts';
import { randomNetwork, randomPlan, repair, run, whatIsWrong } from '../support/sim/chaos.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { FLOW_MEMORY_BYTES } from '../support/sim/sim-router.ts';

/** A ring A-B-C-D; the service is at C, so that A has two ways to it. */
function ring(seed: number): RouterNetwork {
  const network = new RouterNetwork(seed);
  const ids = ['A', 'B', 'C', 'D'];
  for (const id of ids) network.addRouter(id);
  network.connect('A', 'B');
  network.connect('B', 'C');
  network.connect('A', 'D', 2);
  network.connect('D', 'C', 2);
  network.addService('echo', ['C']);
  network.scheduler.runUntil(200);
  return network;
}

/** Runs the test of a seed; whatever goes wrong names it. */
function eachSeed(seeds: readonly number[], test: (seed: number) => void): void {
  for (const seed of seeds) {
    try {
      test(seed);
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
  }
}

function isBroken(client: ClientApp | undefined): boolean {
  return client?.isBroken === true && client.servers.every((server) => server.isBroken);
}

describe('without faults', () => {
  it('every flow arrives whole at both ends', () => {
    eachSeed([1, 2, 3, 4], (seed) => {
      const network = randomNetwork(seed, 5, 3, seed % 3);
      network.scheduler.runUntil(300);
      const clients: ClientApp[] = [];
      for (let i = 0; i < 60; i++) {
        const plan = { ...randomPlan(network), clientResetsAt: undefined, serverResetsAt: undefined };
        const client = network.startFlow(`R${i % 5}`, network.pick(['one', 'two']), plan);
        if (client) clients.push(client);
        network.scheduler.runFor(5);
      }
      network.scheduler.runFor(20_000);
      expect(whatIsWrong(network)).toEqual([]);
      expect(clients.filter(({ isComplete }) => isComplete)).toHaveLength(60);
    });
  });

  it('the first octet of a new network crosses within 200 ms of its links', () => {
    const network = randomNetwork(1, 5, 0);
    network.scheduler.runUntil(150);
    const client = network.startFlow('R0', 'one', { requestBytes: 10, responseBytes: 10 });
    network.scheduler.runFor(50);
    expect(client?.isComplete).toBe(true);
  });

  it('a reader that stops holds back its own sender and nobody else', () => {
    const network = ring(1);
    const never = Number.POSITIVE_INFINITY;
    const stalled = Array.from({ length: 20 }, (_, i) =>
      network.startFlow('A', 'echo', {
        answers: 'at once',
        requestBytes: i % 2 === 0 ? 3_000_000 : 100,
        responseBytes: i % 2 === 0 ? 100 : 3_000_000,
        serverPauseMs: i % 2 === 0 ? never : 0,
        clientPauseMs: i % 2 === 0 ? 0 : never,
      }),
    );
    network.scheduler.runFor(2000);
    const moving = network.startFlow('A', 'echo', { requestBytes: 3_000_000, responseBytes: 3_000_000 });
    network.scheduler.runFor(2000);
    expect(moving?.isComplete).toBe(true);
    const localBytes = 2 * 128 * 1024 + 64 * 1024;
    for (const id of ['A', 'B', 'C']) {
      expect(network.router(id).router.bridge.budget.peakBytes).toBeLessThan(FLOW_MEMORY_BYTES);
    }
    for (const client of stalled) {
      const sent = Math.max(client?.sentBytes ?? 0, client?.servers[0]?.sentBytes ?? 0);
      expect(sent).toBeGreaterThan(FLOW_WINDOW_BYTES_LOW);
      expect(sent).toBeLessThan(FLOW_MEMORY_BYTES / 8 + localBytes + 64 * 1024);
    }
    expect(network.flowFaults()).toEqual([]);
  });

  it('a reset by either application reaches the other', () => {
    const network = ring(2);
    const plan = { answers: 'at once', requestBytes: 5_000_000, responseBytes: 5_000_000 } as const;
    const byClient = network.startFlow('A', 'echo', { ...plan, clientResetsAt: 100_000 });
    const byServer = network.startFlow('A', 'echo', { ...plan, serverResetsAt: 100_000 });
    network.scheduler.runFor(1000);
    expect([isBroken(byClient), isBroken(byServer)]).toEqual([true, true]);
    expect(whatIsWrong(network)).toEqual([]);
  });

  it('a backend that refuses is passed over for one that does not, and a client without any is reset', () => {
    const network = ring(3);
    network.addService('pair', ['B', 'C']);
    network.scheduler.runFor(200);
    network.refusing.add('B pair');
    const served = Array.from({ length: 4 }, () =>
      network.startFlow('A', 'pair', { requestBytes: 10, responseBytes: 10 }),
    );
    network.scheduler.runFor(200);
    expect(served.map((client) => client?.isComplete)).toEqual([true, true, true, true]);
    network.refusing.add('C pair');
    const refused = network.startFlow('A', 'pair', { requestBytes: 10 });
    network.scheduler.runFor(200);
    expect(refused).toMatchObject({ isBroken: true, servers: [] });
    expect(whatIsWrong(network)).toEqual([]);
  });

  it('a router that drains lets its flows end, and nobody comes any more', () => {
    const network = ring(4);
    network.addService('pair', ['B', 'C']);
    network.scheduler.runFor(200);
    const plan = { requestBytes: 1_000_000, responseBytes: 1_000_000, serverPauseMs: 20 };
    const open = Array.from({ length: 6 }, () => network.startFlow('A', 'pair', plan));
    network.scheduler.runFor(30);
    const { router } = network.router('C');
    network.router('C').input(() => drainRouter(router, true, network.now));
    expect(router.bridge.flows.size).toBeGreaterThan(0);
    network.scheduler.runFor(100);
    const flowCount = router.bridge.flows.size;
    const later = network.startFlow('A', 'pair', { requestBytes: 10, responseBytes: 10 });
    network.scheduler.runFor(50);
    expect(router.bridge.flows.size).toBe(flowCount);
    network.scheduler.runFor(5000);
    expect([...open, later].every((client) => client?.isComplete)).toBe(true);
  });
});

describe('a link that is lost', () => {
  it('leaves the flows on it to the other way, and new ones go there within 100 ms', () => {
    const network = ring(5);
    const open = network.startFlow('A', 'echo', { answers: 'at once', requestBytes: 10e6, responseBytes: 10e6 });
    network.scheduler.runFor(50);
    const [, second] = network.links;
    if (second) network.cut(second);
    network.scheduler.runFor(100);
    expect(open?.isBroken).toBe(false);
    const client = network.startFlow('A', 'echo', { requestBytes: 1000, responseBytes: 1000 });
    network.scheduler.runFor(100);
    expect(client?.isComplete).toBe(true);
    expect(whatIsWrong(network)).toEqual([]);
  });

  it('in silence for less than its time-out leaves its flows whole', () => {
    const network = ring(6);
    const open = network.startFlow('A', 'echo', { requestBytes: 2_000_000, responseBytes: 2_000_000 });
    network.scheduler.runFor(10);
    const [first] = network.links;
    if (first) network.freeze(first);
    network.scheduler.runFor(1100);
    expect(open?.isOver).toBe(false);
    if (first) network.thaw(first);
    network.scheduler.runFor(2000);
    expect(open?.isComplete).toBe(true);
    expect(whatIsWrong(network)).toEqual([]);
  });

  it('in silence for good leaves its flows to the other way, and sends those there that had no answer yet, within 2 s', () => {
    const network = ring(7);
    const open = network.startFlow('A', 'echo', { answers: 'at once', requestBytes: 10e6, responseBytes: 10e6 });
    network.scheduler.runFor(50);
    const unanswered = network.startFlow('A', 'echo', { requestBytes: 1000, responseBytes: 1000 });
    network.scheduler.runFor(1);
    const [first] = network.links;
    if (first) network.freeze(first);
    network.scheduler.runFor(2000);
    expect(open?.isBroken).toBe(false);
    expect(unanswered?.isComplete).toBe(true);
    network.scheduler.runFor(5000);
    expect(open?.isComplete).toBe(true);
    expect(whatIsWrong(network)).toEqual([]);
  });

  it('with the only router that has the service closes the listeners, and opens them again with it', () => {
    const network = ring(8);
    network.restart('C', 3000);
    network.scheduler.runFor(2500);
    expect(network.isListening('A', 'echo')).toBe(false);
    network.scheduler.runFor(1000);
    const client = network.startFlow('A', 'echo', { requestBytes: 1000, responseBytes: 1000 });
    network.scheduler.runFor(200);
    expect(client?.isComplete).toBe(true);
    expect(whatIsWrong(network)).toEqual([]);
  });
});

describe('whatever happens', () => {
  it('in small networks, quickly', () => {
    eachSeed([...Array.from({ length: 14 }, (_, i) => i + 1), 359], (seed) => {
      const network = randomNetwork(seed, 3 + (seed % 4), 3, seed % 3);
      network.scheduler.runUntil(200);
      run(network, 100, 10, 0.5);
      repair(network);
      network.scheduler.runFor(40_000);
      expect(whatIsWrong(network)).toEqual([]);
      expect([...network.clients.values()].some(({ isComplete }) => isComplete)).toBe(true);
    });
  });

  it('in small networks, with time for time-outs', () => {
    eachSeed([101, 102, 103, 104, 105, 106], (seed) => {
      const network = randomNetwork(seed, 5, 3);
      network.scheduler.runUntil(200);
      run(network, 30, 4000, 0.8);
      repair(network);
      network.scheduler.runFor(40_000);
      expect(whatIsWrong(network)).toEqual([]);
    });
  });

  it('among twenty routers', () => {
    eachSeed([201, 202], (seed) => {
      const network = randomNetwork(seed, 20, 10);
      network.scheduler.runUntil(1000);
      expect(disagreements(viewOfRouters(network))).toEqual([]);
      run(network, 60, 40, 0.5);
      repair(network);
      network.scheduler.runFor(40_000);
      expect(whatIsWrong(network)).toEqual([]);
    });
  });
});
