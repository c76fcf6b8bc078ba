/** Reflectors against an API server that fails in every way, on a virtual clock; seeds decide all. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { KubeClient, ResourceType } from '../../lib/kube/client.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { Reflector, type ReflectorOptions } from '../../lib/kube/reflector.ts';
import { createLogger } from '../../lib/log.ts';
import { randomInt, SeededRandom } from '../../lib/random.ts';
import { FakeApi, type Faults } from '../support/kube/fake-api.ts';

const MAP: ResourceType = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };
const THING: ResourceType = { apiVersion: 'example.com/v1', kind: 'Thing', plural: 'things' };
const log = createLogger({ name: 'test', level: 'silent' });
const CHANGES = 150;
/** A silence limit, and a little. */
const CONVERGED_MS = 120_000;

const EVERYTHING: Faults = {
  dropRequest: 0.1,
  dropAnswer: 0.1,
  delay: 0.3,
  delayMsMax: 500,
  conflict: 0.1,
  tooManyRequests: 0.1,
  serverFault: 0.1,
  staleList: 0.3,
  cutWatch: 0.1,
  halfOpenWatch: 0.02,
  gone: 0.1,
  garbage: 0.02,
};

let ended: AbortController;
let runs: Promise<void>[];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  ended = new AbortController();
  runs = [];
});
afterEach(async () => {
  ended.abort();
  await vi.advanceTimersByTimeAsync(1000);
  await Promise.all(runs);
  const left = vi.getTimerCount();
  vi.useRealTimers();
  expect(left, 'timers left').toBe(0);
});

function start(client: KubeClient, options: Partial<ReflectorOptions> = {}): Reflector {
  const parts = { client, clock: systemClock, random: new SeededRandom(7), log };
  const reflector = new Reflector(parts, { type: MAP, ...options });
  runs.push(reflector.run(ended.signal));
  return reflector;
}

const faultsOf = (seed: number): [string, Partial<Faults>] => {
  const names = Object.keys(EVERYTHING).filter((name) => name !== 'delayMsMax') as (keyof Faults)[];
  const name = names[seed % (names.length + 1)];
  if (name === undefined) return ['everything', EVERYTHING];
  return [name, { [name]: Math.min(1, EVERYTHING[name] * 3), delayMsMax: 500 }];
};

describe('a reflector', () => {
  it.each(Array.from({ length: 52 }, (_, seed) => [seed, ...faultsOf(seed)] as const))(
    'holds what the server holds after faults are over (seed %i, %s)',
    async (seed, _name, faults) => {
      const api = new FakeApi({ types: [MAP], seed, faults });
      const random = new SeededRandom(seed + 1000);
      const copy = new Map<string, KubeObject>();
      const told = (before: KubeObject | undefined, after: KubeObject | undefined) => {
        const { name } = (after ?? before)!.metadata;
        expect(copy.get(name)).toBe(before);
        if (after === undefined) copy.delete(name);
        else copy.set(name, after);
      };
      const reflector = start(api.client(), { onChange: told });
      for (let change = 0; change < CHANGES; change++) {
        write(api, random);
        if (change % 50 === 49) api.store.compact();
        await vi.advanceTimersByTimeAsync(randomInt(random, 300));
      }
      api.faults = {};
      await vi.advanceTimersByTimeAsync(CONVERGED_MS);
      expect([...reflector.list()].sort(byName)).toEqual(api.store.list(MAP));
      expect([...copy.values()].sort(byName)).toEqual(api.store.list(MAP));
    },
  );

  it('finds a silent watch and begins it anew without listing', async () => {
    const api = new FakeApi({ types: [MAP] });
    const reflector = start(api.client());
    await vi.advanceTimersByTimeAsync(10);
    api.faults = { halfOpenWatch: 1 };
    api.store.create(MAP, map('unseen'), 'default');
    await vi.advanceTimersByTimeAsync(80_000);
    expect(reflector.size).toBe(0);
    api.faults = {};
    const lists = api.requestCounts.get('GET configmaps');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(reflector.size).toBe(1);
    expect(api.requestCounts.get('GET configmaps')).toBe(lists! + 1);
  });

  it('asks a server that is away at most every few seconds, and is back soon after it', async () => {
    const api = new FakeApi({ types: [MAP] });
    const client = api.client();
    let tries = 0;
    const list = client.listPage.bind(client);
    vi.spyOn(client, 'listPage').mockImplementation((...all) => {
      tries += 1;
      return list(...all);
    });
    api.goDown();
    const reflector = start(client);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(tries).toBeLessThan(50);
    expect(reflector.isSynced).toBe(false);
    api.comeUp();
    await vi.advanceTimersByTimeAsync(5000);
    expect(reflector.isSynced).toBe(true);
  });

  it('does not list again and again when watches end at once', async () => {
    const api = new FakeApi({ types: [MAP], faults: { gone: 1 } });
    start(api.client());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(api.requestCounts.get('GET configmaps')).toBeLessThan(60);
  });

  it('calls a missing kind synced and absent, and holds it once it is there', async () => {
    const api = new FakeApi({ types: [MAP] });
    const reflector = start(api.client(), { type: THING, isOptional: true });
    await vi.advanceTimersByTimeAsync(10);
    await reflector.synced;
    expect(reflector.isPresent).toBe(false);
    for (let minute = 0; minute < 3; minute++) {
      expect(reflector.lastEventAgeMs()).toBeLessThan(60_000);
      await vi.advanceTimersByTimeAsync(60_000);
    }
    api.addType(THING);
    api.store.create(THING, { ...map('x'), apiVersion: THING.apiVersion, kind: THING.kind }, 'default');
    await vi.advanceTimersByTimeAsync(40_000);
    expect(reflector.isPresent).toBe(true);
    expect(reflector.get('default', 'x')).toBeDefined();
  });

  it('tells how long the server has said nothing', async () => {
    const api = new FakeApi({ types: [MAP] });
    const reflector = start(api.client());
    expect(reflector.lastEventAgeMs()).toBe(Infinity);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(reflector.lastEventAgeMs()).toBeGreaterThan(29_000);
    await vi.advanceTimersByTimeAsync(32_000);
    expect(reflector.lastEventAgeMs()).toBeLessThan(5000);
  });
});

function write(api: FakeApi, random: SeededRandom): void {
  const name = `object-${randomInt(random, 12)}`;
  const place = { namespace: 'default', name, subresource: undefined };
  if (api.store.get(MAP, place) === undefined) api.store.create(MAP, map(name), 'default');
  else if (random.next() < 0.3) api.store.remove(MAP, place);
  else api.store.merge(MAP, place, { data: { value: String(random.next()) } });
}

function map(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } };
}

function byName(a: KubeObject, b: KubeObject): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
