/**
 * A router that drains before it goes: nobody who has another way notices.
 *
 * Clients come all the time, at routers that a load balancer would lead them to, and some late at the one that drains.
 */
import { describe, expect, it } from 'vitest';
import { drainRouter, openCountOf } from '../../router/core/drain.ts';
import type { ClientApp } from '../support/sim/apps.ts';
import { whatIsWrong } from '../support/sim/chaos.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';

const SMALL = { requestBytes: 200, responseBytes: 1000 } as const;
const LONG = { requestBytes: 1_000_000, responseBytes: 10, serverPauseMs: 100 } as const;

function drain(network: RouterNetwork, id: string, draining = true): void {
  const { router } = network.router(id);
  network.router(id).input(() => drainRouter(router, draining, network.now));
}

function costsTo(network: RouterNetwork, from: string, to: string): number | undefined {
  return network.router(from).router.mesh.path(to)?.cost;
}

/** A reaches D by B, or by C for more; the service is at D, and at B too when that is asked for. */
function diamond(seed: number, backends: readonly string[] = ['D']): RouterNetwork {
  const network = new RouterNetwork(seed);
  for (const id of ['A', 'B', 'C', 'D']) network.addRouter(id);
  network.connect('A', 'B');
  network.connect('B', 'D');
  network.connect('A', 'C', 5);
  network.connect('C', 'D', 5);
  network.addService('echo', backends);
  network.scheduler.runUntil(500);
  return network;
}

function streams(network: RouterNetwork, id: string): number {
  return openCountOf(network.router(id).router);
}

describe('a router between others that drains', () => {
  it('is on the way of no new flow, while those on it go on to their end', () => {
    const network = diamond(1);
    const open = network.startFlow('A', 'echo', LONG);
    network.scheduler.runFor(100);
    expect(streams(network, 'B')).toBeGreaterThan(0);
    drain(network, 'B');
    network.scheduler.runFor(50);
    const before = streams(network, 'B');
    const later = Array.from({ length: 10 }, () => network.startFlow('A', 'echo', LONG));
    network.scheduler.runFor(100);
    expect([streams(network, 'B'), streams(network, 'C') > 0]).toEqual([before, true]);
    network.scheduler.runFor(20_000);
    expect([open, ...later].every((client) => client?.isComplete)).toBe(true);
    expect(streams(network, 'B')).toBe(0);
    drain(network, 'B', false);
    network.scheduler.runFor(1000);
    expect(whatIsWrong(network)).toEqual([]);
  });

  it('is still the way where there is no other, and again the best one when it drains no more', () => {
    const network = diamond(2);
    const [, , ...others] = network.links;
    for (const link of others) network.cut(link);
    drain(network, 'B');
    network.scheduler.runFor(200);
    const only = network.startFlow('A', 'echo', SMALL);
    network.scheduler.runFor(200);
    expect(only?.isComplete).toBe(true);
    for (const link of others) network.restore(link);
    network.scheduler.runFor(1000);
    expect(costsTo(network, 'A', 'D')).toBe(10);
    drain(network, 'B', false);
    network.scheduler.runFor(50);
    expect(costsTo(network, 'A', 'D')).toBe(2);
  });

  it('keeps to that with links that come up meanwhile', () => {
    const network = diamond(3);
    drain(network, 'B');
    const [first] = network.links;
    network.cut(first!);
    network.scheduler.runFor(200);
    network.restore(first!);
    network.scheduler.runFor(1000);
    expect([costsTo(network, 'A', 'B'), costsTo(network, 'A', 'D')]).toEqual([1, 10]);
  });
});

describe('the connectors of a router that drains', () => {
  it('get no new flow of others that have another way, also before these know of it', () => {
    const network = diamond(4, ['B', 'D']);
    drain(network, 'B');
    // A has not heard yet.
    const clients = Array.from({ length: 10 }, () => network.startFlow('A', 'echo', SMALL));
    network.scheduler.runFor(500);
    clients.push(...Array.from({ length: 10 }, () => network.startFlow('B', 'echo', SMALL)));
    network.scheduler.runFor(500);
    expect(clients.every((client) => client?.isComplete)).toBe(true);
    expect(new Set(network.dialled)).toEqual(new Set(['D echo']));
  });

  it('serve who has no other: clients of its own, and streams that were under way', () => {
    const network = diamond(5, ['B']);
    const early = network.startFlow('A', 'echo', SMALL);
    drain(network, 'B');
    network.scheduler.runFor(300);
    const own = network.startFlow('B', 'echo', SMALL);
    network.scheduler.runFor(300);
    expect([early?.isComplete, own?.isComplete]).toEqual([true, true]);
    expect([network.isListening('A', 'echo'), network.isListening('B', 'echo')]).toEqual([false, true]);
    drain(network, 'B', false);
    network.scheduler.runFor(100);
    expect(network.isListening('A', 'echo')).toBe(true);
  });

  it('are told of again, and no more than before, when one comes and goes while it drains', () => {
    const network = diamond(6, ['B']);
    const { bridge } = network.router('B').router;
    drain(network, 'B');
    network.router('B').input(() => bridge.addConnector('B more', 'more'));
    network.router('B').input(() => bridge.deleteConnector('B echo', true));
    network.scheduler.runFor(100);
    expect(reached(network, 'A', ['echo', 'more'])).toEqual([]);
    drain(network, 'B', false);
    network.scheduler.runFor(100);
    expect(reached(network, 'A', ['echo', 'more'])).toEqual(['more']);
  });
});

function reached(network: RouterNetwork, id: string, addresses: readonly string[]): string[] {
  return addresses.filter((address) => network.router(id).router.addresses.get(`M${address}`)?.reachable);
}

/** Two sites of two routers each, all of a site linked to all of the other; clients are at W, backends at E. */
function sites(seed: number): RouterNetwork {
  const network = new RouterNetwork(seed);
  for (const id of ['W1', 'W2', 'E1', 'E2']) network.addRouter(id);
  network.connect('W1', 'W2');
  network.connect('E1', 'E2');
  for (const west of ['W1', 'W2']) for (const east of ['E1', 'E2']) network.connect(west, east);
  network.addService('echo', ['E1', 'E2']);
  network.scheduler.runUntil(1000);
  return network;
}

/** Restarts each router in turn as `skuprt router` does when it is told to stop. @returns all clients */
function rollingRestart(network: RouterNetwork): ClientApp[] {
  const clients: ClientApp[] = [];
  let led = ['W1', 'W2'];
  const load = (forMs: number, at: readonly string[]): void => {
    for (let ms = 0; ms < forMs; ms += 4) {
      const client = network.startFlow(network.pick(at), 'echo', SMALL);
      if (client) clients.push(client);
      network.scheduler.runFor(4);
    }
  };
  for (const id of ['W1', 'E1', 'W2', 'E2']) {
    load(100, led);
    drain(network, id);
    // The load balancer has not noticed yet.
    load(60, led);
    led = ['W1', 'W2'].filter((each) => each !== id);
    for (let waitedMs = 0; streams(network, id) > 0 && waitedMs < 5000; waitedMs += 10) load(10, led);
    expect(streams(network, id)).toBe(0);
    network.restart(id, 100);
    load(800, led);
    led = ['W1', 'W2'];
  }
  network.scheduler.runFor(5000);
  return clients;
}

describe('a rolling restart of all routers of two sites', () => {
  it.each([1, 2, 3])('loses no flow of clients that come all the time, seed %i', (seed) => {
    const network = sites(seed);
    const clients = rollingRestart(network);
    expect(clients.length).toBeGreaterThan(500);
    expect(clients.filter(({ isComplete }) => !isComplete).map(({ plan }) => plan.id)).toEqual([]);
    expect(network.refusedCount).toBe(0);
    expect(whatIsWrong(network)).toEqual([]);
  });
});
