/**
 * More than anybody needs, of everything: clients that come and reset as fast as they can, a router that asks without end, readers that
 * stand still while their way is lost. Who is beside them is served, and nothing is left of them.
 */
import { describe, expect, it } from 'vitest';
import { FLOW_SHARE_BYTES_MIN } from '../../router/core/limits.ts';
import { encodeControl } from '../../router/mesh/messages.ts';
import type { ClientApp } from '../support/sim/apps.ts';
import { repair, whatIsWrong } from '../support/sim/chaos.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { addConnector } from '../support/sim/services.ts';
import { FLOW_MEMORY_BYTES } from '../support/sim/sim-router.ts';

const NEVER = Number.POSITIVE_INFINITY;
const SMALL = { requestBytes: 500, responseBytes: 2000 } as const;
/** What a socket hands over before it is stopped, both ways. */
const READ_BYTES = 2 * 64 * 1024;

/** A to C by B, or by D for more. */
function diamond(seed: number): RouterNetwork {
  const network = new RouterNetwork(seed);
  for (const id of ['A', 'B', 'C', 'D']) network.addRouter(id);
  network.connect('A', 'B');
  network.connect('B', 'C');
  network.connect('A', 'D', 3);
  network.connect('D', 'C', 3);
  network.addService('echo', ['C']);
  network.scheduler.runUntil(400);
  return network;
}

/** One small flow each 10 ms. */
function runBeside(network: RouterNetwork, forMs: number): ClientApp[] {
  const clients: ClientApp[] = [];
  for (let ms = 0; ms < forMs; ms += 10) {
    const client = network.startFlow('A', 'echo', SMALL);
    if (client !== undefined) clients.push(client);
    network.scheduler.runFor(10);
  }
  return clients;
}

/** Clients that leave at any moment within so many ms, a few each ms. */
function comeAndGo(network: RouterNetwork, forMs: number, eachMs: number, withinMs: number): void {
  for (let at = 0; at < forMs * eachMs; at++) {
    network.scheduler.after(at / eachMs, () => {
      const client = network.startFlow('A', 'echo', { ...SMALL, answers: 'at once', requestBytes: 20_000 });
      network.scheduler.after(network.random.next() * withinMs, () => client?.leave());
    });
  }
}

function totals(network: RouterNetwork): { opened: number; closed: number }[] {
  return [...network.routers.values()].map(({ router }) => {
    const { connectionsOpened, connectionsClosed } = router.bridge.totals();
    return { opened: connectionsOpened, closed: connectionsClosed };
  });
}

describe('clients that come and reset as fast as they can', () => {
  it.each([1, 2, 3, 4])('leave nothing, and whoever is beside them is served, seed %i', (seed) => {
    const network = diamond(seed);
    comeAndGo(network, 150, 4, 2 + 4 * seed);
    const beside = runBeside(network, 150);
    network.scheduler.runFor(1000);
    expect(beside.every(({ isComplete }) => isComplete)).toBe(true);
    for (const { opened, closed } of totals(network)) expect(closed).toBe(opened);
    expect(whatIsWrong(network)).toEqual([]);
  });

  it.each([5, 6, 7])('leave nothing when their way is lost among them, seed %i', (seed) => {
    const network = diamond(seed);
    comeAndGo(network, 150, 4, 12);
    network.scheduler.after(50 + seed, () => network.cut(network.links[seed % 2]!));
    network.scheduler.after(100 + seed, () => network.restart('D', 20));
    const beside = runBeside(network, 150);
    repair(network);
    network.scheduler.runFor(15_000);
    expect(beside.every(({ isComplete, servers }) => isComplete || servers.length === 0)).toBe(true);
    for (const { opened, closed } of totals(network)) expect(closed).toBe(opened);
    expect(whatIsWrong(network)).toEqual([]);
  });

  it('take no place for ever at a backend that takes few', () => {
    const network = diamond(8);
    network.router('C').input(() => network.router('C').router.bridge.deleteConnector('C echo', true));
    addConnector(network, 'C', 'few', 'echo', { maxConnections: 3, maxQueuedConnections: 10 });
    network.scheduler.runFor(300);
    comeAndGo(network, 100, 3, 10);
    network.scheduler.runFor(2000);
    const { bridge } = network.router('C').router;
    expect(bridge.refusals.connector).toBeGreaterThan(0);
    expect(bridge.connectorCounts().queued).toBe(0);
    const after = runBeside(network, 30);
    network.scheduler.runFor(1000);
    expect(after.map(({ isComplete }) => isComplete)).toEqual([true, true, true]);
    expect(network.leftovers()).toEqual([]);
  });
});

describe('a router that asks another without end', () => {
  it('holds up no flow and no news of the network', () => {
    const network = diamond(9);
    network.addRouter('F');
    network.connect('F', 'B');
    network.scheduler.runFor(400);
    const to = 'amqp:/_topo/0/B/qdrouter';
    const question = encodeControl({ opcode: 'LSR', id: 'F', version: 1 }, to);
    const flooding = network.router('F');
    for (let turn = 0; turn < 40; turn++) {
      network.scheduler.after(turn * 5, () => {
        flooding.input(() => {
          for (const { control } of flooding.router.peers.values()) {
            for (let i = 0; control !== undefined && i < 100; i++) {
              const delivery = control.deliver({ settled: true });
              delivery.write(question);
              delivery.end(true);
            }
          }
        });
      });
    }
    const beside = runBeside(network, 100);
    expect(network.router('B').router.mesh.stats.messagesIn).toBeGreaterThan(1000);
    network.cut(network.links[0]!);
    network.scheduler.runFor(100);
    expect(network.router('A').router.mesh.path('C')?.cost).toBe(6);
    network.restore(network.links[0]!);
    network.scheduler.runFor(5000);
    expect(beside.every(({ isComplete }) => isComplete)).toBe(true);
    expect(whatIsWrong(network)).toEqual([]);
  });
});

describe('readers that stand still', () => {
  it('outlive the loss of their way within the memory for flows, and go on', () => {
    const network = diamond(10);
    const count = 60;
    const plan = { answers: 'at once', requestBytes: 1e6, responseBytes: 1e6 } as const;
    const stalled = Array.from({ length: count }, () =>
      network.startFlow('A', 'echo', { ...plan, clientPauseMs: NEVER, serverPauseMs: NEVER }),
    );
    network.scheduler.runFor(1000);
    network.cut(network.links[0]!);
    network.scheduler.runFor(1000);
    network.restart('D', 50);
    network.restore(network.links[0]!);
    const moving = network.startFlow('A', 'echo', SMALL);
    network.scheduler.runFor(3000);
    expect(moving?.isComplete).toBe(true);
    const mostBytes = FLOW_MEMORY_BYTES + count * (FLOW_SHARE_BYTES_MIN + READ_BYTES);
    for (const id of ['A', 'C']) {
      const { budget, survivals } = network.router(id).router.bridge;
      expect(budget.peakBytes).toBeLessThan(mostBytes);
      expect([survivals.agenda.count, survivals.counters.givenUp]).toEqual([0, 0]);
      expect(survivals.counters.resumed).toBeGreaterThanOrEqual(2 * count);
    }
    expect(stalled.some((client) => client?.isOver)).toBe(false);
    for (const client of stalled) client?.leave();
    network.scheduler.runFor(3000);
    expect(whatIsWrong(network)).toEqual([]);
  });
});
