/**
 * Connections in the making when their way dies: A has two ways to the service at C, by B and by D. Whatever dies, and whenever, a
 * client of whom nothing was passed on is served by the other way, and nobody hangs.
 */
import { describe, expect, it } from 'vitest';
import type { ClientApp } from '../support/sim/apps.ts';
import { whatIsWrong } from '../support/sim/chaos.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';

function ring(seed: number): RouterNetwork {
  const network = new RouterNetwork(seed);
  for (const id of ['A', 'B', 'C', 'D']) network.addRouter(id);
  network.connect('A', 'B');
  network.connect('B', 'C');
  network.connect('A', 'D', 2);
  network.connect('D', 'C', 2);
  network.addService('echo', ['C']);
  network.scheduler.runUntil(300 + network.random.next() * 400);
  return network;
}

const FAULT_AT = 30;

/** A client every half millisecond, around the moment of the fault. */
function clientsAround(network: RouterNetwork, fault: () => void): ClientApp[] {
  const clients: ClientApp[] = [];
  for (let i = 0; i < 60; i++) {
    const client = network.startFlow('A', 'echo', { requestBytes: 100, responseBytes: 100 });
    if (client) clients.push(client);
    if (i === FAULT_AT) fault();
    network.scheduler.runFor(0.5);
  }
  return clients;
}

/** It was served in part when the way died: it may end by a reset, and so does the other end. */
function wasUnderWay(client: ClientApp): boolean {
  return client.servers.some(({ receivedBytes }) => receivedBytes > 0);
}

const FAULTS: Record<string, (network: RouterNetwork) => void> = {
  'the near link cut': (network) => network.cut(network.links[0]!),
  'the far link cut': (network) => network.cut(network.links[1]!),
  'the middle router killed': (network) => network.router('B').kill(),
  'the middle router frozen': (network) => network.router('B').stall(60_000),
  'the near link silent': (network) => network.freeze(network.links[0]!),
  'the far link silent': (network) => network.freeze(network.links[1]!),
};

describe('clients that come while their way dies, with', () => {
  it.each(Object.keys(FAULTS))('%s', (fault) => {
    for (let seed = 1; seed <= 12; seed++) {
      const network = ring(seed);
      const clients = clientsAround(network, () => FAULTS[fault]!(network));
      network.scheduler.runFor(3000);
      const hanging = clients.filter(({ isOver }) => !isOver).length;
      // On a silent link there may be octets of a client that was answered before; nobody sees them.
      const unanswered = fault.endsWith('silent') ? clients.slice(FAULT_AT + 1) : clients;
      const given = unanswered.filter((client) => !client.isComplete && !wasUnderWay(client)).length;
      expect({ hanging, given }, `seed ${seed}`).toEqual({ hanging: 0, given: 0 });
      expect(network.flowFaults()).toEqual([]);
      const later = network.startFlow('A', 'echo', { requestBytes: 100, responseBytes: 100 });
      network.scheduler.runFor(100);
      expect(later?.isComplete).toBe(true);
    }
  });
});

describe('a better way that is healed', () => {
  it('is taken by new flows within a second, and open ones stay on the other', () => {
    const network = ring(1);
    network.cut(network.links[0]!);
    network.scheduler.runFor(500);
    const open = network.startFlow('A', 'echo', { requestBytes: 2e6, responseBytes: 10, serverPauseMs: 100 });
    network.scheduler.runFor(100);
    network.restore(network.links[0]!);
    network.scheduler.runFor(1000);
    const path = network.router('A').router.mesh.path('C');
    expect(path?.cost).toBe(2);
    const by = (): number =>
      [...network.router('B').router.peers.values()].reduce((sum, { ends }) => sum + ends.size, 0);
    const before = by();
    network.startFlow('A', 'echo', { requestBytes: 2e6, responseBytes: 10, serverPauseMs: 100 });
    network.scheduler.runFor(100);
    expect([before, by() > 0]).toEqual([0, true]);
    network.scheduler.runFor(20_000);
    expect(open?.isComplete).toBe(true);
    expect(whatIsWrong(network)).toEqual([]);
  });
});
