/**
 * The whole site-controller against an API server that fails in every way, with people who change things meanwhile and controllers that
 * are killed at any moment; on a virtual clock, decided by a seed.
 *
 * `SIM_SEEDS=500` tries that many seeds, `SIM_SEED=42` the one.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { randomInt, SeededRandom } from '../../lib/random.ts';
import type { Faults } from '../support/kube/fake-api.ts';
import { differences, snapshot } from '../support/sim/controller-snapshot.ts';
import { ControllerUsers } from '../support/sim/controller-users.ts';
import { ControllerWorld, typeOf } from '../support/sim/controller-world.ts';
import { useVirtualTime } from '../support/virtual-time.ts';

const SEEDS = process.env.SIM_SEED
  ? [Number(process.env.SIM_SEED)]
  : Array.from({ length: Number(process.env.SIM_SEEDS ?? 8) }, (_, index) => index + 1);
const DEEDS = 80;
const DEED_MS_MAX = 2000;
/** Two silences of a watch, and the longest pause between retries. */
const CONVERGED_MS = 300_000;
const QUIET_MS = 120_000;

const EVERYTHING: Faults = {
  dropRequest: 0.05,
  dropAnswer: 0.05,
  delay: 0.3,
  delayMsMax: 800,
  conflict: 0.1,
  tooManyRequests: 0.05,
  serverFault: 0.05,
  staleList: 0.3,
  cutWatch: 0.05,
  halfOpenWatch: 0.01,
  gone: 0.1,
  garbage: 0.02,
};

let world: ControllerWorld;

beforeEach(() => {
  useVirtualTime(Date.UTC(2026, 2, 1));
});

afterEach(async () => {
  world.api.faults = {};
  world.killController();
  await pass(60_000);
  await world.ended();
  vi.useRealTimers();
});

/** Time passes, and the garbage collector with it. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  world.collectGarbage();
}

/** Until every fault is over and everyone had time. */
async function converge(users: ControllerUsers): Promise<void> {
  world.api.faults = {};
  for (let step = 0; step < 10; step += 1) {
    users.settle();
    await pass(CONVERGED_MS / 10);
  }
}

/** Writes of a quiet period, and of a restart within it. */
async function writesAtRest(): Promise<string[]> {
  const before = world.written.length;
  await pass(QUIET_MS);
  world.startController();
  await pass(QUIET_MS);
  return world.written.slice(before);
}

/** Everything that controllers made or said is gone, and a controller finds what others made. */
async function rebuild(users: ControllerUsers): Promise<void> {
  world.killController();
  await pass(60_000);
  world.asUser(() => {
    for (const object of world.objects()) {
      const { namespace, name } = object.metadata;
      const place = { namespace, name, subresource: undefined };
      const { store } = world.api;
      if (store.get(typeOf(object.kind), place) === undefined) continue;
      if (world.isControllers(object)) store.remove(typeOf(object.kind), place);
      else if (object.apiVersion.startsWith('skupper.io/'))
        store.replace(typeOf(object.kind), { ...place, subresource: 'status' }, { ...object, status: undefined });
    }
  });
  world.startController();
  await converge(users);
}

function faultsOf(seed: number): Partial<Faults> {
  const names = Object.keys(EVERYTHING).filter((name) => name !== 'delayMsMax') as (keyof Faults)[];
  const name = names[(seed >> 1) % names.length]!;
  if (seed % 2 === 0) return EVERYTHING;
  return { [name]: Math.min(0.6, EVERYTHING[name] * 4), delayMsMax: 3000 };
}

describe('a controller whose API server fails', () => {
  it.each(SEEDS)('makes what a fresh one would make, and then rests (seed %i)', async (seed) => {
    world = new ControllerWorld(seed, faultsOf(seed));
    const random = new SeededRandom(seed + 5000);
    const users = new ControllerUsers(world, random, Date.now());
    users.begin();
    world.startController();
    for (let deed = 0; deed < DEEDS; deed += 1) {
      users.act();
      await pass(randomInt(random, DEED_MS_MAX));
    }
    users.end();
    await converge(users);
    expect(world.faults).toEqual([]);
    expect(await writesAtRest(), 'writes at rest').toEqual([]);
    const found = snapshot(world);
    await rebuild(users);
    expect(differences(found, snapshot(world))).toEqual([]);
  });
});
