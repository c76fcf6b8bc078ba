/** Edge routers joined among themselves, with and without interior routers, under the same demands as others. */
import { describe, expect, it } from 'vitest';
import { runOne } from '../support/sim/chaos.ts';
import { ADDRESS, Consumer, send } from '../support/sim/multicast.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';

const MESH = ['E1', 'E2', 'E3'];

/** Three edge routers, each joined to each; the last two links are there twice, dialled by either end. */
function join(made: RouterNetwork): void {
  for (const id of MESH) made.addRouter(id, 'edge');
  for (const [from, to] of [
    ['E1', 'E2'],
    ['E2', 'E3'],
    ['E3', 'E1'],
    ['E3', 'E2'],
    ['E1', 'E3'],
  ]) {
    made.connect(from!, to!);
  }
}

function standalone(seed: number, backends: readonly string[]): RouterNetwork {
  const made = new RouterNetwork(seed);
  join(made);
  made.addService('one', backends);
  made.scheduler.runFor(400);
  return made;
}

/** E1 and E2 hang on A, E3 on B, and a further edge router E4 that is not of the mesh on B. */
function connected(seed: number, backends: readonly string[]): RouterNetwork {
  const made = new RouterNetwork(seed);
  for (const id of ['A', 'B']) made.addRouter(id);
  join(made);
  made.addRouter('E4', 'edge');
  made.connect('A', 'B');
  made.connect('E1', 'A');
  made.connect('E2', 'A');
  made.connect('E3', 'B');
  made.connect('E4', 'B');
  made.addService('one', backends);
  made.scheduler.runFor(600);
  return made;
}

const ALL = ['A', 'B', ...MESH, 'E4'];

function flowsFrom(made: RouterNetwork, ids: readonly string[]): (boolean | undefined)[] {
  const plan = { requestBytes: 50_000, responseBytes: 100_000, answers: 'after the request' } as const;
  const clients = ids.map((id) => made.startFlow(id, 'one', plan));
  made.scheduler.runFor(3000);
  expect([...made.flowFaults(), ...made.leftovers()]).toEqual([]);
  return clients.map((client) => client?.isComplete);
}

function meshIds(made: RouterNetwork): (string | undefined)[] {
  return MESH.map((id) => made.router(id).router.edgeMeshId);
}

const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);

describe('a mesh without interior routers', () => {
  it('reaches a service of one from each', () => {
    expect(flowsFrom(standalone(1, ['E2']), MESH)).toEqual(MESH.map(() => true));
  });

  it('opens listeners when another offers the service, and closes them when that is gone', () => {
    const made = standalone(2, ['E1']);
    expect(MESH.filter((id) => made.isListening(id, 'one'))).toEqual(MESH);
    made.restart('E1', 60_000);
    made.scheduler.runFor(500);
    expect(MESH.filter((id) => made.isListening(id, 'one'))).toEqual([]);
  });

  it('agrees on one id, and goes on with it when the router that proposed it is gone', () => {
    for (const seed of SEEDS) {
      const made = standalone(seed, []);
      const [first] = meshIds(made);
      expect(meshIds(made), `seed ${seed}`).toEqual([first, first, first]);
      for (const id of MESH) {
        // Back in a later second, it is younger than the others.
        made.restart(id, 1000);
        made.scheduler.runFor(2000);
      }
      expect(meshIds(made), `seed ${seed}`).toEqual([first, first, first]);
    }
  });

  it('agrees on one id, if not on the same, when a router is back within the second in which all started', () => {
    const kept = SEEDS.map((seed) => {
      const made = standalone(seed, []);
      const [first] = meshIds(made);
      made.restart('E1', 200);
      made.scheduler.runFor(1000);
      const after = new Set(meshIds(made));
      expect(after.size, `seed ${seed}`).toBe(1);
      return after.has(first);
    });
    // Chance decides who counts as the first: of so many seeds both happen.
    expect(new Set(kept)).toEqual(new Set([true, false]));
  });

  it('sends a message for all to each consumer once, though routers are joined twice', () => {
    const made = standalone(4, []);
    const consumers = MESH.map((id) => new Consumer(made, id));
    made.scheduler.runFor(300);
    for (const id of MESH) send(made, id);
    expect(consumers.map(({ heard }) => heard)).toEqual(MESH.map(() => MESH.map((id) => `0/${id}`)));
  });
});

describe('a mesh at two interior routers', () => {
  it.each([['E1'], ['E4'], ['B']])('reaches a service at %s from everywhere', (backend) => {
    expect(flowsFrom(connected(5, [backend]), ALL)).toEqual(ALL.map(() => true));
  });

  it('is not told by the network of what only it consumes, so that nothing of it goes round', () => {
    const made = connected(6, ['E1', 'E3']);
    for (const id of MESH) expect(made.router(id).router.addresses.get('Mone')?.remotes.size).toBe(0);
    expect(made.router('E4').router.addresses.get('Mone')?.remotes.size).toBe(1);
    expect(flowsFrom(made, ALL)).toEqual(ALL.map(() => true));
  });

  it('hears each message for all once, wherever it is sent', () => {
    const made = connected(7, []);
    for (const { router } of made.routers.values()) router.treatments.set('mc', { prefix: 'mc' }, 'multicast');
    const consumers = ALL.map((id) => new Consumer(made, id));
    made.scheduler.runFor(500);
    for (const id of ALL) send(made, id);
    for (const { heard } of consumers) expect(heard).toHaveLength(ALL.length);
    expect(consumers[5]!.heard.filter((ingress) => ingress === undefined)).toHaveLength(MESH.length);
  });

  it('is no way into the network for one of its own', () => {
    const made = connected(10, ['E2', 'B']);
    made.cut(made.links.find(({ ends }) => ends[0] === 'E1' && ends[1] === 'A')!);
    made.cut(made.links.find(({ ends }) => ends[0] === 'E3' && ends[1] === 'B')!);
    made.scheduler.runFor(500);
    const provider = made.router('E2');
    // Its neighbours have not heard yet that it has no consumer any more.
    provider.input(() => {
      provider.router.bridge.deleteConnector('E2 one', false);
      provider.router.step(made.now);
    });
    const client = made.startFlow('E1', 'one', { requestBytes: 10, responseBytes: 10, answers: 'at once' });
    made.scheduler.runFor(3000);
    expect([client?.isBroken, made.dialled]).toEqual([true, []]);
    expect(made.isListening('E1', 'one')).toBe(false);
  });

  it('carries on over the network when the routers of it lose each other', () => {
    const made = connected(8, ['E1']);
    for (const link of made.links) if (link.ends.every((id) => MESH.includes(id))) made.cut(link);
    made.scheduler.runFor(500);
    expect(new Set(meshIds(made)).size).toBe(3);
    expect(flowsFrom(made, ALL)).toEqual(ALL.map(() => true));
  });
});

it('flows of any size and ending are right while routers of a mesh restart and links break', () => {
  for (const seed of [21, 22, 23]) {
    const made = connected(seed, ['E1', 'E4', 'B']);
    expect(runOne(made), `seed ${seed}`).toEqual([]);
    expect(ALL.filter((id) => made.isListening(id, 'one'))).toEqual(ALL);
  }
});

it('an address of the mesh is announced with the id of the mesh', () => {
  const made = connected(9, ['E1', 'E2']);
  const [id] = meshIds(made);
  expect(made.router('B').router.addresses.get('Mone')?.remoteMeshes?.get('A')).toBe(id);
  new Consumer(made, 'A');
  expect(made.router('B').router.addresses.get(`M${ADDRESS}`)?.remoteMeshes).toBeUndefined();
});
