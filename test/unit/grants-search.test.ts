import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { type GrantPlace, GrantSearch } from '../../site-controller/platform/kubernetes/grant-search.ts';
import { useVirtualTime } from '../support/virtual-time.ts';

const UID = 'b5f0c1e2-0000-4000-8000-000000000001';
const GONE = 'b5f0c1e2-0000-4000-8000-000000000002';
const PLACE: GrantPlace = { uid: UID, namespace: 'east', name: 'grant' };

beforeEach(() => useVirtualTime(1_000_000));
afterEach(() => {
  vi.useRealTimers();
});

/** An API server whose listings take that long; `grants` may change meanwhile, and what counts is what was there when one began. */
function setUp(tookMs = 0) {
  const grants: GrantPlace[] = [];
  const begun: number[] = [];
  let atWork = 0;
  const list = async () => {
    expect(++atWork).toBe(1);
    begun.push(Date.now() - 1_000_000);
    const there = [...grants];
    await new Promise((resolve) => setTimeout(resolve, tookMs));
    atWork -= 1;
    return there;
  };
  return { grants, begun, list, search: new GrantSearch({ list, clock: systemClock }) };
}

const uid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

describe('the search for a grant that the cache does not know', () => {
  it('finds it at the API server, and says of others that there is none', async () => {
    const { grants, search } = setUp();
    grants.push(PLACE);
    const both = Promise.all([search.find(UID), search.find(GONE)]);
    await vi.runAllTimersAsync();
    expect(await both).toEqual([PLACE, undefined]);
  });

  it('answers whoever asked before a listing began by that one, and the others by the next', async () => {
    const { grants, begun, search } = setUp(100);
    const early = search.find(GONE);
    await vi.advanceTimersByTimeAsync(50);
    grants.push(PLACE);
    const late = Promise.all(Array.from({ length: 200 }, () => search.find(UID)));
    await vi.runAllTimersAsync();
    expect(await early).toBeUndefined();
    expect(new Set(await late)).toEqual(new Set([PLACE]));
    expect(begun).toEqual([0, 1100]);
  });

  it('lists once a second at most, however many ask for whatever', async () => {
    const { begun, search } = setUp(10);
    const asked: Promise<unknown>[] = [];
    for (let count = 0; count < 1000; count += 1) {
      asked.push(search.find(uid(count)));
      await vi.advanceTimersByTimeAsync(10);
    }
    await vi.runAllTimersAsync();
    await Promise.all(asked);
    expect(begun.length).toBeLessThanOrEqual(11);
    for (const [at, next] of begun.slice(1).map((at, index) => [begun[index]!, at])) {
      expect(next! - at!).toBeGreaterThanOrEqual(1000);
    }
  });

  it('leaves an API server that is slow alone for longer', async () => {
    const { begun, search } = setUp(400);
    const first = search.find(uid(1));
    await vi.advanceTimersByTimeAsync(10);
    const second = search.find(uid(2));
    await vi.runAllTimersAsync();
    await Promise.all([first, second]);
    expect(begun).toEqual([0, 400 + 10 * 400]);
  });

  it('asks for nothing that is no uid, and not again for what was not there', async () => {
    const { begun, search } = setUp();
    for (const garbage of ['', '..', `${UID}x`, 'renew/', `${UID}/${UID}`, '%00', 'a'.repeat(10_000)]) {
      expect(await search.find(garbage)).toBeUndefined();
    }
    expect(begun).toEqual([]);
    const once = search.find(GONE);
    await vi.runAllTimersAsync();
    await once;
    // A uid is never given again.
    expect(await search.find(GONE)).toBeUndefined();
    expect(begun).toHaveLength(1);
  });

  it('says that it could not ask, rather than that there is none, and asks again', async () => {
    const { grants, list } = setUp();
    grants.push(PLACE);
    const away = new Error('away');
    const lists = [() => Promise.reject(away), list];
    const search = new GrantSearch({ list: () => lists.shift()!(), clock: systemClock });
    await expect(search.find(UID)).rejects.toBe(away);
    const again = search.find(UID);
    await vi.runAllTimersAsync();
    expect(await again).toEqual(PLACE);
  });
});
