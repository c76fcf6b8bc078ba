/** Clients that are to stay where they are, over several routers: one backend each, whichever way and wherever they come in. */
import { describe, expect, it } from 'vitest';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { addConnector, addTiers, deleteConnector, servedBy } from '../support/sim/services.ts';

const CLIENTS = Array.from({ length: 60 }, (_, i) => `10.0.0.${i}`);
const REVERSED = CLIENTS.toReversed();

/** A and B in front, C and D behind them with three backends each of the same names, and an edge. */
function network(seed: number): RouterNetwork {
  const made = new RouterNetwork(seed);
  for (const id of ['A', 'B', 'C', 'D']) made.addRouter(id);
  made.addRouter('E', 'edge');
  made.connect('A', 'B');
  made.connect('A', 'C');
  made.connect('B', 'D', 3);
  made.connect('C', 'D');
  made.connect('E', 'A');
  made.addService('one', []);
  for (const id of ['C', 'D']) for (const backend of BACKENDS) addConnector(made, id, `${id} ${backend}`, 'one');
  made.scheduler.runFor(500);
  return made;
}

const BACKENDS = ['b1', 'b2', 'b3'];

function backendsOf(made: RouterNetwork, at: string, clients: readonly string[] = CLIENTS): Map<string, string> {
  return new Map(clients.map((client) => [client, servedBy(made, at, 'one', client).at(-1)!]));
}

function counts(chosen: ReadonlyMap<string, string>): Map<string, number> {
  const all = new Map<string, number>();
  for (const backend of chosen.values()) all.set(backend, (all.get(backend) ?? 0) + 1);
  return all;
}

describe('a client that is bound', () => {
  it('reaches the same backend each time and from every router, and clients are spread over all backends', () => {
    const made = network(1);
    const first = backendsOf(made, 'A');
    for (const at of ['A', 'B', 'C', 'D']) expect(backendsOf(made, at, REVERSED)).toEqual(first);
    expect(counts(first).size).toBe(6);
    expect(Math.max(...counts(first).values())).toBeLessThan(CLIENTS.length / 2);
  });

  it('stays where it is while others keep the router busy that it goes to', () => {
    const made = network(2);
    const first = backendsOf(made, 'A');
    for (let i = 0; i < 40; i++) made.startFlow('A', 'one', { requestBytes: 10e6, serverPauseMs: 10_000 }, '10.0.0.1');
    made.scheduler.runFor(100);
    const others = CLIENTS.filter((client) => client !== '10.0.0.1');
    expect(backendsOf(made, 'A', others)).toEqual(new Map([...first].filter(([client]) => client !== '10.0.0.1')));
  });

  it('comes to the same backend by way of an edge router', () => {
    const made = network(3);
    expect(backendsOf(made, 'E', REVERSED)).toEqual(backendsOf(made, 'A'));
  });

  it('moves when its backend is gone, alone, and back when that is there again', () => {
    const made = network(4);
    const first = backendsOf(made, 'A');
    deleteConnector(made, 'D', 'D b2');
    made.scheduler.runFor(100);
    const without = backendsOf(made, 'A');
    for (const [client, backend] of first) {
      if (backend === 'D b2') expect(without.get(client)).not.toBe('D b2');
      else expect([client, without.get(client)]).toEqual([client, backend]);
    }
    expect([...first.values()]).toContain('D b2');
    addConnector(made, 'D', 'D b2', 'one');
    made.scheduler.runFor(100);
    expect(backendsOf(made, 'A')).toEqual(first);
  });

  it('moves when its router is gone, alone', () => {
    const made = network(5);
    const first = backendsOf(made, 'A');
    made.restart('D', 60_000);
    made.scheduler.runFor(2000);
    for (const [client, backend] of backendsOf(made, 'A')) {
      if (first.get(client)!.startsWith('C')) expect([client, backend]).toEqual([client, first.get(client)]);
      else expect(backend).toMatch(/^C /);
    }
  });

  it('is served by another backend when its own refuses, at once', () => {
    const made = network(6);
    const first = backendsOf(made, 'A');
    for (const backend of BACKENDS) made.refusing.add(`D ${backend}`);
    for (const [client, backend] of first) {
      const tried = servedBy(made, 'A', 'one', client);
      if (backend.startsWith('C')) expect([client, ...tried]).toEqual([client, backend]);
      else expect(tried.at(-1)).toMatch(/^C /);
    }
  });
});

describe('a listener with several addresses', () => {
  it('binds each client to one of the addresses, by weight', () => {
    const made = network(7);
    for (const [id, address] of [
      ['C', 'x'],
      ['D', 'y'],
    ] as const) {
      addConnector(made, id, `${id} ${address}`, address);
    }
    addTiers(made, 'A', 'both', { x: { value: 1, weight: 1 }, y: { value: 1, weight: 4 } });
    made.scheduler.runFor(200);
    const chosen = (): Map<string, string> =>
      new Map(CLIENTS.map((client) => [client, servedBy(made, 'A', 'both', client).at(-1)!]));
    const first = chosen();
    expect(chosen()).toEqual(first);
    const count = counts(first).get('C x')!;
    expect(count).toBeGreaterThan(2);
    expect(count).toBeLessThan(25);
  });
});
