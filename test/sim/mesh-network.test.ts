/** Networks of meshes on virtual links: whatever happens, when it is quiet all agree with the links that are there. */
import { describe, expect, it } from 'vitest';
import { randomInt } from '../../lib/random.ts';
import { disagreements, viewOfMeshes } from '../support/sim/agreement.ts';
import { MeshNetwork } from '../support/sim/mesh-network.ts';

function chain(network: MeshNetwork, length: number): string[] {
  const ids = Array.from({ length }, (_, i) => `R${i}`);
  for (const id of ids) network.addRouter(id);
  for (let i = 1; i < length; i++) network.connect(`R${i - 1}`, `R${i}`);
  return ids;
}

/** A connected random graph with about half as many further links, costs 1 to 4. */
function randomGraph(network: MeshNetwork, size: number): string[] {
  const ids = Array.from({ length: size }, (_, i) => `R${i}`);
  for (const id of ids) network.addRouter(id, [`M${id}`, 'Mshared']);
  const pick = (bound: number): string => ids[randomInt(network.random, bound)] as string;
  const cost = (): number => 1 + randomInt(network.random, 4);
  for (let i = 1; i < size; i++) network.connect(ids[i] as string, pick(i), cost());
  for (let i = 0; i < size / 2; i++) {
    const [a, b] = [pick(size), pick(size)];
    if (a !== b) network.connect(a, b, cost());
  }
  return ids;
}

describe('a network of meshes', () => {
  it('converges in a chain of five within 100 ms of the links coming up, at up to 3 ms a hop', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const network = new MeshNetwork(seed);
      chain(network, 5);
      network.scheduler.runUntil(100);
      expect(disagreements(viewOfMeshes(network)), `seed ${seed}`).toEqual([]);
    }
  });

  it('takes in one more router at the end of a chain within 100 ms', () => {
    const network = new MeshNetwork(7);
    chain(network, 5);
    network.scheduler.runUntil(60_000);
    network.addRouter('late');
    network.connect('R4', 'late');
    network.scheduler.runFor(100);
    expect(disagreements(viewOfMeshes(network))).toEqual([]);
  });

  it('spreads a change of addresses within the time messages take', () => {
    const network = new MeshNetwork(3);
    chain(network, 5);
    network.scheduler.runUntil(5000);
    for (let i = 0; i < 100; i++) network.mesh('R0').setLocalAddress(`Mservice-${i}`, 3);
    const before = network.messageCount;
    network.addAddress('R0', 'Mlast');
    for (let i = 0; i < 100; i++) network.routers.get('R0')?.addresses.set(`Mservice-${i}`, 3);
    network.scheduler.runFor(4 * 3);
    expect(disagreements(viewOfMeshes(network))).toEqual([]);
    expect(network.messageCount - before, 'one MAU and one RA a hop').toBe(2 * 4);
  });

  it('agrees on random graphs of twenty routers', () => {
    for (let seed = 1; seed <= 4; seed++) {
      const network = new MeshNetwork(seed);
      randomGraph(network, 20);
      network.scheduler.runUntil(1000);
      expect(disagreements(viewOfMeshes(network)), `seed ${seed}`).toEqual([]);
    }
  });

  it('agrees again after partition and heal, with changes on both sides meanwhile', () => {
    for (let seed = 1; seed <= 4; seed++) {
      const network = new MeshNetwork(seed);
      const ids = randomGraph(network, 12);
      network.scheduler.runUntil(2000);
      const isLeft = (id: string): boolean => ids.indexOf(id) < 6;
      const between = network.links.filter(({ ends: [a, b] }) => isLeft(a) !== isLeft(b));
      for (const link of between) network.cut(link);
      network.scheduler.runFor(500);
      network.addAddress('R0', 'Mnew');
      network.deleteAddress('R11', 'MR11');
      network.scheduler.runFor(2000);
      expect(disagreements(viewOfMeshes(network)), `seed ${seed}, parted`).toEqual([]);
      for (const link of between) network.raise(link);
      network.scheduler.runFor(5000);
      expect(disagreements(viewOfMeshes(network)), `seed ${seed}, healed`).toEqual([]);
    }
  });

  it('keeps addresses through a short interruption, and misses no change made during it', () => {
    const network = new MeshNetwork(5);
    chain(network, 3);
    network.scheduler.runUntil(2000);
    const link = network.links[1];
    if (link !== undefined) network.cut(link);
    network.scheduler.runFor(300);
    network.addAddress('R0', 'Mmeanwhile');
    expect(network.addressesAt('R2').has('MR0 R0')).toBe(true);
    if (link !== undefined) network.raise(link);
    network.scheduler.runFor(100);
    expect(disagreements(viewOfMeshes(network))).toEqual([]);
  });

  it('finds a silent link by its missing HELLO and uses it again when it speaks', () => {
    const network = new MeshNetwork(9);
    for (const id of ['A', 'B', 'C']) network.addRouter(id);
    const direct = network.connect('A', 'C');
    network.connect('A', 'B', 2);
    network.connect('B', 'C', 2);
    network.scheduler.runUntil(2000);
    expect(network.mesh('A').path('C')?.cost).toBe(1);
    direct.isSilent = true;
    network.scheduler.runFor(4200);
    expect(network.mesh('A').path('C')?.cost).toBe(4);
    expect(disagreements(viewOfMeshes(network))).toEqual([]);
    direct.isSilent = false;
    network.scheduler.runFor(2000);
    expect(disagreements(viewOfMeshes(network))).toEqual([]);
  });

  it('survives anything in random order: cuts, silence, restarts, changes of addresses', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const network = new MeshNetwork(seed, [0, 40]);
      const ids = randomGraph(network, 8);
      const pick = <T>(items: readonly T[]): T => items[randomInt(network.random, items.length)] as T;
      for (let step = 0; step < 60; step++) {
        const link = pick(network.links);
        const id = pick(ids);
        const acts = [
          () => network.cut(link),
          () => network.raise(link),
          () => network.restart(id),
          () => network.addAddress(id, `M${randomInt(network.random, 5)}`),
          () => network.deleteAddress(id, `M${randomInt(network.random, 5)}`),
        ];
        pick(acts)();
        network.scheduler.runFor(randomInt(network.random, 300));
      }
      network.scheduler.runFor(10_000);
      expect(disagreements(viewOfMeshes(network)), `seed ${seed}`).toEqual([]);
    }
  });
});
