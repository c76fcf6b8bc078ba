/** More connections than a router may have, in a whole network: who is refused, who is not, and what is left of it. */
import { describe, expect, it } from 'vitest';
import type { ClientApp } from '../support/sim/apps.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { addConnector } from '../support/sim/services.ts';

const PLAN = { requestBytes: 21 * 64 * 1024, responseBytes: 10, serverPauseMs: 100 };

/** Clients at A, backends at those routers that are named. */
function network(seed: number, ...offering: string[]): RouterNetwork {
  const made = new RouterNetwork(seed);
  for (const id of ['A', 'C', 'D']) made.addRouter(id);
  made.connect('A', 'C');
  made.connect('A', 'D');
  made.addService('one', []);
  for (const id of offering) addConnector(made, id, `${id} 1`, 'one', {});
  made.scheduler.runFor(500);
  return made;
}

function start(made: RouterNetwork, count: number): ClientApp[] {
  const clients = Array.from({ length: count }, () => made.startFlow('A', 'one', PLAN)!);
  made.scheduler.runFor(500);
  return clients;
}

function broken(clients: readonly ClientApp[]): number {
  return clients.filter(({ isBroken }) => isBroken).length;
}

describe('a router with as many connections as it may have', () => {
  it('refuses more clients, counts and tells it, and takes new ones when some have ended', () => {
    const made = network(1, 'C');
    const { router, notes } = made.router('A');
    router.bridge.admission.countMax = 4;
    const clients = start(made, 10);
    expect([broken(clients), router.bridge.flows.size, router.bridge.refusals.router]).toEqual([6, 4, 6]);
    expect(notes.filter((note) => note.includes('as many connections as it may have')).length).toBe(1);
    made.scheduler.runFor(20_000);
    expect(broken(start(made, 4))).toBe(0);
    made.scheduler.runFor(20_000);
    expect(made.leftovers()).toEqual([]);
  });

  it('leaves connections for its backends to another router that has the service', () => {
    const made = network(2, 'C', 'D');
    const { bridge } = made.router('C').router;
    bridge.admission.countMax = 3;
    const clients = start(made, 20);
    expect([broken(clients), bridge.flows.size]).toEqual([0, 3]);
    expect(bridge.refusals.router).toBeGreaterThan(0);
    expect(bridge.passedOverCount()).toBe(0);
    made.scheduler.runFor(20_000);
    expect(clients.every(({ isComplete }) => isComplete)).toBe(true);
    expect(made.leftovers()).toEqual([]);
  });

  it('refuses those for its backends that have no other way, without a dial', () => {
    const made = network(3, 'C');
    const { bridge } = made.router('C').router;
    bridge.admission.countMax = 3;
    const clients = start(made, 10);
    expect([broken(clients), bridge.flows.size, made.dialled.length]).toEqual([7, 3, 3]);
    expect(bridge.passedOverCount()).toBe(0);
    made.scheduler.runFor(20_000);
    expect(made.leftovers()).toEqual([]);
  });
});

it('a router that holds twice its memory for connections takes no new one', () => {
  const made = network(4, 'C');
  const { bridge } = made.router('A').router;
  bridge.budget.take(2 * bridge.budget.limitBytes);
  expect([broken(start(made, 3)), bridge.refusals.memory]).toEqual([3, 3]);
  bridge.budget.give(2 * bridge.budget.limitBytes);
  expect(broken(start(made, 3))).toBe(0);
});

it('a dial for which this router had no file descriptor says nothing of the backend', () => {
  const made = network(5, 'C');
  const { router } = made.router('C');
  made.swallowing.add('C 1');
  made.startFlow('A', 'one', PLAN);
  made.scheduler.runFor(300);
  const [flow] = router.bridge.flows.keys();
  router.flowConnectFailed(flow!, 'connect EMFILE', made.scheduler.now, 'own');
  expect([router.bridge.refusals.system, router.bridge.passedOverCount()]).toEqual([1, 0]);
});
