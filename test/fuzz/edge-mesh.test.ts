/** Edge routers that come, go and lose each other in any order agree on one mesh id once all of them hear all others. */
import { describe, expect, it } from 'vitest';
import { randomInt, SeededRandom } from '../../lib/random.ts';
import { EdgeMesh, type EdgeMeshNews } from '../../router/core/edge-mesh.ts';
import { meshIdOf } from '../../router/core/edge-names.ts';
import { EQUAL_BIDS_MAX } from '../../router/core/limits.ts';
import { MESH_ID_LENGTH } from '../../router/mesh/limits.ts';

interface Bid {
  readonly from: number;
  readonly to: number;
  readonly ordinal: number;
  readonly id: string;
}

/** Edge routers and the bids under way between them, in order for each pair. */
class World {
  readonly meshes: EdgeMesh[] = [];
  readonly joined = new Set<string>();
  private readonly handles = new Map<string, object>();
  private wires: Bid[] = [];
  private readonly random: SeededRandom;
  private nextId = 0;

  constructor(count: number, random: SeededRandom) {
    this.random = random;
    for (let at = 0; at < count; at++) this.meshes.push(this.start(at));
  }

  join(one: number, other: number): void {
    if (this.joined.has(pair(one, other))) return;
    this.joined.add(pair(one, other));
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const handle = {};
      this.handles.set(`${from} ${to}`, handle);
      const news = this.meshes[from]!.joined(handle);
      // It bids on each new link, whatever it says to the others.
      this.bid(from, to);
      this.follow(from, news);
    }
  }

  part(one: number, other: number): void {
    if (!this.joined.delete(pair(one, other))) return;
    this.wires = this.wires.filter(({ from, to }) => pair(from, to) !== pair(one, other));
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      this.follow(from, this.meshes[from]!.left(this.handles.get(`${from} ${to}`)!));
    }
  }

  restart(at: number): void {
    for (let other = 0; other < this.meshes.length; other++) if (other !== at) this.part(at, other);
    this.meshes[at] = this.start(at);
  }

  /** One bid arrives, of any pair. @returns false when none is under way */
  deliver(): boolean {
    const pairs = [...new Set(this.wires.map(({ from, to }) => `${from} ${to}`))];
    const chosen = pairs[randomInt(this.random, Math.max(1, pairs.length))];
    const at = this.wires.findIndex(({ from, to }) => `${from} ${to}` === chosen);
    if (at < 0) return false;
    const [bid] = this.wires.splice(at, 1);
    const { from, to, ordinal, id } = bid!;
    const news = this.meshes[to]!.heard(this.handles.get(`${to} ${from}`)!, { ordinal, id });
    if (news !== undefined) this.follow(to, news);
    return true;
  }

  private follow(from: number, { rebid }: EdgeMeshNews): void {
    if (!rebid) return;
    for (let to = 0; to < this.meshes.length; to++) if (this.joined.has(pair(from, to))) this.bid(from, to);
  }

  private bid(from: number, to: number): void {
    this.wires.push({ from, to, ...this.meshes[from]!.own });
  }

  private start(at: number): EdgeMesh {
    const newId = (): string => `m${this.nextId++}`.padEnd(MESH_ID_LENGTH, '-');
    // Few ordinals, so that some meet the same.
    const random = (): number => randomInt(this.random, 60) / 1_000_000;
    return new EdgeMesh({ routerId: `e${at}`, instance: 1, random, newId });
  }
}

function pair(one: number, other: number): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}

describe('the id of an edge mesh', () => {
  it('is one for all once everybody has heard everybody, whatever came before', () => {
    for (let seed = 1; seed <= 1000; seed++) {
      const random = new SeededRandom(seed);
      const count = 2 + randomInt(random, 5);
      const world = new World(count, random);
      for (let step = 0; step < 60; step++) {
        const [one, other] = [randomInt(random, count), randomInt(random, count)];
        const act = random.next();
        if (act < 0.3 && one !== other) world.join(one, other);
        else if (act < 0.4 && one !== other) world.part(one, other);
        else if (act < 0.45) world.restart(one);
        else world.deliver();
      }
      for (let one = 0; one < count; one++) for (let other = one + 1; other < count; other++) world.join(one, other);
      for (let deliveries = 0; world.deliver(); deliveries++) expect(deliveries, `seed ${seed}`).toBeLessThan(10_000);
      expect(new Set(world.meshes.map(({ id }) => id)).size, `seed ${seed}`).toBe(1);
    }
  });

  it('is its own again for a router that is alone', () => {
    const world = new World(3, new SeededRandom(1));
    world.join(0, 1);
    world.join(0, 2);
    while (world.deliver());
    world.restart(0);
    expect(world.meshes.map(({ id }) => id)).toEqual([0, 1, 2].map((at) => meshIdOf(`e${at}`)));
  });

  it('does not follow one who always bids the same, or nonsense', () => {
    const mesh = new EdgeMesh({
      routerId: 'e',
      instance: 1,
      random: Math.sqrt.bind(null, 0.25),
      newId: () => 'x'.repeat(15),
    });
    const liar = {};
    mesh.joined(liar);
    let heardCount = 0;
    for (let times = 0; times < 100; times++) if (mesh.heard(liar, mesh.own) !== undefined) heardCount++;
    expect(heardCount).toBe(EQUAL_BIDS_MAX);
    const before = mesh.id;
    for (const [ordinal, id] of [
      [Number.NaN, 'y'.repeat(15)],
      [0.5, 'y'.repeat(15)],
      [2 ** 60, 'y'.repeat(15)],
      [0, 'too short'],
      [0, 'y'.repeat(1000)],
    ] as const) {
      expect(mesh.heard(liar, { ordinal, id })).toBeUndefined();
    }
    expect(mesh.heard({}, { ordinal: 0, id: 'y'.repeat(15) })).toBeUndefined();
    expect(mesh.id).toBe(before);
  });
});
