/** Edge routers, which know nothing of the network but what their interior router tells them, under the same demands as others. */
import { describe, expect, it } from 'vitest';
import { drainRouter } from '../../router/core/drain.ts';
import type { ClientApp } from '../support/sim/apps.ts';
import { runOne } from '../support/sim/chaos.ts';
import { ADDRESS, Consumer, send } from '../support/sim/multicast.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';

/** E1 and E2 at interior A, E3 at interior B; A and B are linked. */
function network(seed: number, backends: readonly string[]): RouterNetwork {
  const made = new RouterNetwork(seed);
  for (const id of ['A', 'B']) made.addRouter(id);
  for (const id of ['E1', 'E2', 'E3']) made.addRouter(id, 'edge');
  made.connect('A', 'B');
  made.connect('E1', 'A');
  made.connect('E2', 'A');
  made.connect('E3', 'B');
  made.addService('one', backends);
  made.scheduler.runFor(300);
  return made;
}

const ALL = ['A', 'B', 'E1', 'E2', 'E3'];

function wholeFlow(made: RouterNetwork, at: string): ClientApp | undefined {
  return made.startFlow(at, 'one', { requestBytes: 100_000, responseBytes: 200_000, answers: 'after the request' });
}

describe('a service', () => {
  it.each([
    ['at an edge', ['E1']],
    ['at an interior router', ['B']],
    ['at two edges', ['E1', 'E3']],
  ])('%s is reached from everywhere', (_, backends) => {
    const made = network(1, backends);
    expect(ALL.filter((id) => made.isListening(id, 'one'))).toEqual(ALL);
    const clients = ALL.map((id) => wholeFlow(made, id));
    made.scheduler.runFor(3000);
    expect(clients.map((client) => client?.isComplete)).toEqual(ALL.map(() => true));
    expect([...made.flowFaults(), ...made.leftovers()]).toEqual([]);
  });

  it('that nobody offers any more closes the listeners of edges, and one that is offered opens them', () => {
    const made = network(2, ['E1']);
    const provider = made.router('E1');
    provider.input(() => {
      provider.router.bridge.deleteConnector('E1 one', false);
      provider.router.step(made.now);
    });
    made.scheduler.runFor(200);
    expect(ALL.filter((id) => made.isListening(id, 'one'))).toEqual([]);
    const other = made.router('E3');
    other.input(() => {
      other.router.bridge.addConnector('E3 one', 'one');
      other.router.step(made.now);
    });
    made.scheduler.runFor(200);
    expect(ALL.filter((id) => made.isListening(id, 'one'))).toEqual(ALL);
  });

  it('of an edge alone is no reason for its interior router to send its connections back', () => {
    const made = network(3, ['E1']);
    expect(made.router('E1').router.addresses.get('Mone')?.remotes.size).toBe(0);
    expect(made.router('E2').router.addresses.get('Mone')?.remotes.size).toBe(1);
  });
});

describe('the uplink', () => {
  it('lost: flows over it pause, listeners close; back: they go on, and listeners open and carry flows', () => {
    const made = network(4, ['B']);
    const link = made.links.find(({ ends }) => ends[0] === 'E1')!;
    const open = made.startFlow('E1', 'one', { requestBytes: 5_000_000, responseBytes: 5_000_000, answers: 'at once' });
    made.scheduler.runFor(20);
    made.cut(link);
    made.scheduler.runFor(300);
    expect([open?.isBroken, made.isListening('E1', 'one')]).toEqual([false, false]);
    made.restore(link);
    made.scheduler.runFor(500);
    expect(made.isListening('E1', 'one')).toBe(true);
    const client = wholeFlow(made, 'E1');
    made.scheduler.runFor(5000);
    expect([open?.isComplete, client?.isComplete]).toEqual([true, true]);
    expect([...made.flowFaults(), ...made.leftovers()]).toEqual([]);
  });

  it('is one of several, and the next takes its place at once', () => {
    const made = network(5, ['B']);
    made.connect('E1', 'B', 5);
    made.scheduler.runFor(200);
    const { uplinks } = made.router('E1').router;
    expect(uplinks?.active?.containerId).toBe('A');
    made.cut(made.links.find(({ ends }) => ends[0] === 'E1' && ends[1] === 'A')!);
    made.scheduler.runFor(50);
    expect(uplinks?.active?.containerId).toBe('B');
    expect(made.isListening('E1', 'one')).toBe(true);
    const client = wholeFlow(made, 'E1');
    made.scheduler.runFor(3000);
    expect(client?.isComplete).toBe(true);
  });
});

describe('an interior router that drains', () => {
  function drain(made: RouterNetwork, id: string, draining: boolean): void {
    const { router } = made.router(id);
    made.router(id).input(() => drainRouter(router, draining, made.now));
  }

  function uplinkOf(made: RouterNetwork): string | undefined {
    return made.router('E1').router.uplinks?.active?.containerId;
  }

  function twoUplinks(seed: number, backends: readonly string[]): RouterNetwork {
    const made = network(seed, backends);
    made.connect('E1', 'B', 5);
    made.scheduler.runFor(200);
    expect(uplinkOf(made)).toBe('A');
    return made;
  }

  it('is left by an edge router that has another: what is open goes on, and nothing is closed on the way', () => {
    const made = twoUplinks(11, ['B', 'E1']);
    const clients = ['E1', 'E2', 'B'].map((at) => wholeFlow(made, at));
    made.scheduler.runFor(5);
    drain(made, 'A', true);
    for (let at = 0; at < 20; at++) {
      made.scheduler.runFor(5);
      expect(made.isListening('E1', 'one')).toBe(true);
    }
    expect(uplinkOf(made)).toBe('B');
    clients.push(...['E1', 'E3', 'B'].map((at) => wholeFlow(made, at)));
    made.scheduler.runFor(5000);
    expect(clients.map((client) => client?.isComplete)).toEqual(clients.map(() => true));
    made.cut(made.links.find(({ ends }) => ends[0] === 'E1' && ends[1] === 'A')!);
    made.scheduler.runFor(300);
    expect(made.isListening('E1', 'one')).toBe(true);
    expect([...made.flowFaults(), ...made.leftovers()]).toEqual([]);
  });

  it('is kept by an edge router that has no other, and by one whose others drain as well', () => {
    const made = twoUplinks(12, ['B']);
    drain(made, 'A', true);
    made.scheduler.runFor(100);
    drain(made, 'B', true);
    made.scheduler.runFor(100);
    expect(uplinkOf(made)).toBe('B');
    expect(made.router('E2').router.uplinks?.active?.containerId).toBe('A');
    drain(made, 'A', false);
    made.scheduler.runFor(100);
    expect(uplinkOf(made)).toBe('A');
    drain(made, 'B', false);
    made.scheduler.runFor(300);
    const client = wholeFlow(made, 'E1');
    made.scheduler.runFor(3000);
    expect(client?.isComplete).toBe(true);
  });

  it('is not believed any more, once it is gone, of what only it reached', () => {
    const made = twoUplinks(13, ['A']);
    const isHere = () => made.isListening('E1', 'one');
    made.router('A').input(() => made.router('A').router.bridge.addConnector('A two', 'two'));
    drain(made, 'A', true);
    made.scheduler.runFor(300);
    made.cut(made.links.find(({ ends }) => ends[0] === 'E1' && ends[1] === 'A')!);
    made.scheduler.runFor(300);
    expect([uplinkOf(made), isHere()]).toEqual(['B', false]);
  });

  it('tells an edge router that comes while it drains', () => {
    const made = network(14, ['B']);
    drain(made, 'A', true);
    made.connect('E3', 'A', 1);
    made.cut(made.links.find(({ ends }) => ends[0] === 'E3' && ends[1] === 'B')!);
    made.scheduler.runFor(300);
    expect(made.router('E3').router.uplinks?.active?.containerId).toBe('A');
    made.restore(made.links.find(({ ends }) => ends[0] === 'E3' && ends[1] === 'B')!);
    made.scheduler.runFor(1000);
    expect(made.router('E3').router.uplinks?.active?.containerId).toBe('B');
  });
});

describe('a message for all consumers of an address', () => {
  function consumersIn(made: RouterNetwork): Consumer[] {
    for (const { router } of made.routers.values()) router.treatments.set('mc', { prefix: 'mc' }, 'multicast');
    const consumers = ALL.map((id) => new Consumer(made, id));
    made.scheduler.runFor(300);
    return consumers;
  }

  it.each([
    ['nobody has attached to send to', []],
    ['some have attached to send to', ['E1', 'B', 'E3']],
  ])('that %s reaches each once, from wherever it is sent', (_, attached) => {
    const made = network(6, []);
    const consumers = consumersIn(made);
    for (const id of attached) {
      const { router } = made.router(id);
      made.router(id).input(() => router.addresses.watch(`M${ADDRESS}`, { reachable: () => {} }));
    }
    made.scheduler.runFor(300);
    for (const id of ALL) send(made, id);
    expect(consumers.map(({ heard }) => heard)).toEqual(ALL.map(() => ALL.map((id) => `0/${id}`)));
  });

  it('is heard elsewhere when the edge that sends it has no consumer, and by its own consumer without an uplink', () => {
    const made = network(7, []);
    for (const { router } of made.routers.values()) router.treatments.set('mc', { prefix: 'mc' }, 'multicast');
    const [own, other] = [new Consumer(made, 'E1'), new Consumer(made, 'E3')];
    made.scheduler.runFor(300);
    send(made, 'E2');
    made.cut(made.links.find(({ ends }) => ends[0] === 'E1')!);
    made.scheduler.runFor(300);
    send(made, 'E1');
    expect([own.heard, other.heard]).toEqual([['0/E2', '0/E1'], ['0/E2']]);
  });
});

it('flows of any size and ending are right while routers restart and links break', () => {
  for (const seed of [11, 12, 13]) {
    const made = network(seed, ['E1', 'E3', 'B']);
    expect(runOne(made), `seed ${seed}`).toEqual([]);
    expect(ALL.filter((id) => made.isListening(id, 'one'))).toEqual(ALL);
  }
});
