/** Addresses of a listener in tiers: by weight within one, the next when none of it can be reached or it refuses. */
import { describe, expect, it } from 'vitest';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { addConnector, addTiers, deleteConnector, servedBy } from '../support/sim/services.ts';

/** A has the listener; B, C and D a backend of address b, c and d. b and c are the first tier. */
function network(seed: number): RouterNetwork {
  const made = new RouterNetwork(seed);
  for (const id of ['A', 'B', 'C', 'D']) made.addRouter(id);
  for (const id of ['B', 'C', 'D']) {
    made.connect('A', id);
    addConnector(made, id, id.toLowerCase(), id.toLowerCase());
  }
  addTiers(made, 'A', 'choice', { b: { value: 2, weight: 3 }, c: { value: 2 }, d: { value: 1 } });
  made.scheduler.runFor(500);
  return made;
}

function counts(made: RouterNetwork, flowCount: number): Record<string, number> {
  const all: Record<string, number> = {};
  for (let i = 0; i < flowCount; i++) {
    const backend = servedBy(made, 'A', 'choice').at(-1)!;
    all[backend] = (all[backend] ?? 0) + 1;
  }
  return all;
}

describe('connections', () => {
  it('are shared within the first tier by weight, and the second gets none', () => {
    const { b = 0, c = 0, d = 0 } = counts(network(1), 200);
    expect(b + c).toBe(200);
    expect(b).toBeGreaterThan(125);
    expect(b).toBeLessThan(175);
    expect(d).toBe(0);
  });

  it('go to what is left of the tier, then to the next, and back as soon as one of it is there again', () => {
    const made = network(2);
    const open = made.startFlow('A', 'choice', { requestBytes: 100_000, responseBytes: 100, serverPauseMs: 500 });
    made.scheduler.runFor(50);
    const [first] = made.dialled as ['b' | 'c'];
    const other = first === 'b' ? 'c' : 'b';
    deleteConnector(made, other.toUpperCase(), other);
    made.scheduler.runFor(50);
    expect(counts(made, 5)).toEqual({ [first]: 5 });
    deleteConnector(made, first.toUpperCase(), first);
    made.scheduler.runFor(50);
    expect(counts(made, 5)).toEqual({ d: 5 });
    addConnector(made, 'C', 'c', 'c');
    made.scheduler.runFor(50);
    expect(counts(made, 5)).toEqual({ c: 5 });
    // None of this has touched the connection that was open all the time.
    made.scheduler.runFor(5000);
    expect(open?.isComplete).toBe(true);
    expect(made.flowFaults()).toEqual([]);
  });

  it('follow other weights and tiers at once, without the listener being closed', () => {
    const made = network(3);
    const { router } = made.router('A');
    const heard: boolean[] = [];
    made.onListening = (entry, on) => void (entry === 'A choice' && heard.push(on));
    made.router('A').input(() => router.bridge.tcpListeners.rankAddress('choice', 'd', { value: 3, weight: 1 }));
    expect(counts(made, 5)).toEqual({ d: 5 });
    made.router('A').input(() => {
      for (const name of ['b', 'c', 'd']) router.bridge.tcpListeners.deleteAddress('choice', name);
      router.bridge.tcpListeners.addAddress('choice', 'c', 'c', { value: 0 });
    });
    expect(counts(made, 5)).toEqual({ c: 5 });
    expect(heard).toEqual([]);
  });

  it('that are refused go to the rest of the tier, then to the next tier', () => {
    const made = network(4);
    made.refusing.add('b');
    for (let i = 0; i < 10; i++) expect(servedBy(made, 'A', 'choice').at(-1)).toBe('c');
    made.refusing.add('c');
    expect(servedBy(made, 'A', 'choice').at(-1)).toBe('d');
    made.refusing.add('d');
    const refused = made.startFlow('A', 'choice', { requestBytes: 10 });
    made.scheduler.runFor(100);
    expect(refused).toMatchObject({ isBroken: true, servers: [] });
    expect(made.leftovers()).toEqual([]);
  });

  it('do not ask an address again that has just refused, until it had time to recover', () => {
    const made = network(5);
    made.refusing.add('b').add('c');
    servedBy(made, 'A', 'choice');
    for (let i = 0; i < 10; i++) expect(servedBy(made, 'A', 'choice')).toEqual(['d']);
    made.refusing.clear();
    made.scheduler.runFor(2000);
    expect(['b', 'c']).toContain(servedBy(made, 'A', 'choice').at(-1));
  });
});

describe('a listener', () => {
  it('stops to listen when the only address that can be reached vanishes, and begins when it returns', () => {
    const made = network(6);
    for (const id of ['B', 'C', 'D']) deleteConnector(made, id, id.toLowerCase());
    made.scheduler.runFor(100);
    expect(made.isListening('A', 'choice')).toBe(false);
    addConnector(made, 'D', 'd', 'd');
    made.scheduler.runFor(100);
    expect(made.isListening('A', 'choice')).toBe(true);
    expect(counts(made, 3)).toEqual({ d: 3 });
  });
});

describe('a router that is frozen', () => {
  it.each([1, 2, 3, 4])(
    'loses its tier within 2 s, and clients that waited for it are served by the next, seed %d',
    (seed) => {
      const made = new RouterNetwork(seed);
      for (const id of ['A', 'B', 'C']) made.addRouter(id);
      for (const id of ['B', 'C']) {
        made.connect('A', id);
        addConnector(made, id, id.toLowerCase(), id.toLowerCase());
      }
      addTiers(made, 'A', 'choice', { b: { value: 2 }, c: { value: 1 } });
      made.scheduler.runFor(500);
      expect(servedBy(made, 'A', 'choice')).toEqual(['b']);
      made.freeze(made.links[0]!);
      const waiting = made.startFlow('A', 'choice', { requestBytes: 10, responseBytes: 10 });
      made.scheduler.runFor(1100);
      expect(waiting?.isOver).toBe(false);
      made.scheduler.runFor(900);
      expect(waiting?.isComplete).toBe(true);
      expect(servedBy(made, 'A', 'choice')).toEqual(['c']);
      made.thaw(made.links[0]!);
      made.scheduler.runFor(2500);
      expect(servedBy(made, 'A', 'choice')).toEqual(['b']);
    },
  );
});
