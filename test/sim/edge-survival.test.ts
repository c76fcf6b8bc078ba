/**
 * Flows of clients that are bound to their backend, from one edge router to others, while what lies between is lost, drains and comes back:
 * open ones go on, also through an edge whose uplink is replaced by another, and each client stays with its backend.
 */
import { describe, expect, it } from 'vitest';
import { drainRouter } from '../../router/core/drain.ts';
import type { ClientApp } from '../support/sim/apps.ts';
import type { NetworkLink } from '../support/sim/router-network.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { servedBy } from '../support/sim/services.ts';

const CLIENTS = Array.from({ length: 8 }, (_, i) => `10.0.0.${i}`);
const IDLE = { answers: 'at once', requestBytes: 1000, responseBytes: 1000, staysOpen: true } as const;
const SLOW = {
  answers: 'at once',
  requestBytes: 700_000,
  responseBytes: 700_000,
  clientPauseMs: 10,
  serverPauseMs: 10,
} as const;

/** E at A and, for more, at B; F and G, which have the service, at C and D; A and B each linked to C and D. */
function network(seed: number): RouterNetwork {
  const made = new RouterNetwork(seed, seed % 2);
  for (const id of ['A', 'B', 'C', 'D']) made.addRouter(id);
  for (const id of ['E', 'F', 'G']) made.addRouter(id, 'edge');
  made.connect('A', 'B');
  for (const from of ['A', 'B']) for (const to of ['C', 'D']) made.connect(from, to);
  made.connect('E', 'A');
  made.connect('E', 'B', 5);
  made.connect('F', 'C');
  made.connect('G', 'D');
  made.addService('one', ['F', 'G']);
  made.scheduler.runUntil(600);
  return made;
}

function open(made: RouterNetwork, plan: typeof IDLE | typeof SLOW): ClientApp[] {
  return CLIENTS.map((client) => {
    const app = made.startFlow('E', 'one', plan, client);
    made.scheduler.runFor(10);
    if (app === undefined) throw new Error('nobody listens');
    return app;
  });
}

function linkOf(made: RouterNetwork, ...ends: [string, string]): NetworkLink {
  return made.links.find((link) => ends.every((end) => link.ends.includes(end)))!;
}

function backends(made: RouterNetwork): string[] {
  return CLIENTS.map((client) => servedBy(made, 'E', 'one', client).at(-1)!);
}

function drain(made: RouterNetwork, id: string, draining: boolean): void {
  const { router } = made.router(id);
  made.router(id).input(() => drainRouter(router, draining, made.now));
}

const LOSSES: Record<string, (made: RouterNetwork) => void> = {
  'an interior link cut': (made) => made.cut(linkOf(made, 'A', 'C')),
  'an interior link silent': (made) => made.freeze(linkOf(made, 'A', 'D')),
  'its uplink broken, and back': (made) => made.breakOne(linkOf(made, 'E', 'A')),
  'its uplink cut, and another there': (made) => made.cut(linkOf(made, 'E', 'A')),
  'the uplink of a backend broken': (made) => made.breakOne(linkOf(made, 'F', 'C')),
  'its interior router killed': (made) => made.restart('A', 3000),
  'the interior router of a backend restarted': (made) => made.restart('C', 1500),
};

describe('flows from one edge to others go on, with', () => {
  it.each(Object.keys(LOSSES))('%s', (name) => {
    for (const seed of [1, 2]) {
      const made = network(seed);
      const idle = open(made, IDLE);
      const slow = open(made, SLOW);
      LOSSES[name]!(made);
      made.scheduler.runFor(15_000);
      expect(
        slow.map(({ isComplete }) => isComplete),
        `seed ${seed}`,
      ).toEqual(slow.map(() => true));
      expect(idle.map(({ isOver }) => isOver)).toEqual(idle.map(() => false));
      for (const client of idle) client.leave();
      made.scheduler.runFor(3000);
      expect([...made.flowFaults(), ...made.leftovers()], `seed ${seed}`).toEqual([]);
      // A backend may be dialled for nothing, when the way is lost before the answer; none is given what another has had.
      expect([...idle, ...slow].map(({ servers }) => servers.length)).toEqual(Array(2 * CLIENTS.length).fill(1));
    }
  });
});

describe('clients that are bound', () => {
  it('stay with their backends while interior routers drain, one after the other, and so do open flows', () => {
    const made = network(3);
    const before = backends(made);
    expect(new Set(before).size).toBe(2);
    const slow = open(made, SLOW);
    for (const id of ['C', 'B', 'D']) {
      drain(made, id, true);
      made.scheduler.runFor(300);
      expect(backends(made), id).toEqual(before);
      drain(made, id, false);
      made.scheduler.runFor(300);
    }
    made.scheduler.runFor(5000);
    expect(slow.every(({ isComplete }) => isComplete)).toBe(true);
    expect([...made.flowFaults(), ...made.leftovers()]).toEqual([]);
  });

  it('are with them again after their way was lost', () => {
    const made = network(4);
    const before = backends(made);
    made.restart('A', 500);
    made.scheduler.runFor(3000);
    expect(backends(made)).toEqual(before);
  });
});
