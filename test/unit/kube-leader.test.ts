import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { LEASE, LeaderElection } from '../../lib/kube/leader.ts';
import { createLogger } from '../../lib/log.ts';
import { SeededRandom } from '../../lib/random.ts';
import { FakeApi } from '../support/kube/fake-api.ts';

const log = createLogger({ name: 'test', level: 'silent' });
let api: FakeApi;
let replicas: Replica[];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  api = new FakeApi({ types: [LEASE] });
  replicas = [];
});
afterEach(async () => {
  for (const { stop } of replicas) stop.abort();
  await vi.advanceTimersByTimeAsync(30_000);
  await Promise.all(replicas.map(({ over }) => over));
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

interface Replica {
  election: LeaderElection;
  stop: AbortController;
  over: Promise<void>;
  leads: () => boolean;
}

/** @param wallSkewMs how far its clock is off */
function replica(identity: string, server = api, wallSkewMs = 0): Replica {
  const clock = { now: () => performance.now(), wall: () => Date.now() + wallSkewMs };
  const parts = { client: server.client(), clock, random: new SeededRandom(identity.length), log };
  const election = new LeaderElection(parts, { namespace: 'default', name: 'lock', identity });
  const stop = new AbortController();
  let leads = false;
  const over = election.run(stop.signal, async (signal) => {
    leads = true;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    leads = false;
  });
  const made = { election, stop, over, leads: () => leads };
  replicas.push(made);
  return made;
}

describe('leader election', () => {
  it('has one leader, and another at once when it stops', async () => {
    const a = replica('a');
    await vi.advanceTimersByTimeAsync(100);
    const b = replica('b');
    await vi.advanceTimersByTimeAsync(60_000);
    expect([a.leads(), b.leads()]).toEqual([true, false]);
    expect(b.election.holder).toBe('a');
    a.stop.abort();
    await vi.advanceTimersByTimeAsync(3000);
    expect([a.leads(), b.leads()]).toEqual([false, true]);
    const lease = api.store.get(LEASE, { namespace: 'default', name: 'lock' });
    expect(lease?.spec).toMatchObject({ holderIdentity: 'b', leaseDurationSeconds: 15, leaseTransitions: 1 });
  });

  it.each([[3_600_000], [-3_600_000]])(
    'waits for a silent leader by its own clock, which is off by %i ms',
    async (skewMs) => {
      api.store.create(LEASE, silentLease(), 'default');
      const b = replica('b', api, skewMs);
      await vi.advanceTimersByTimeAsync(14_000);
      expect(b.leads()).toBe(false);
      await vi.advanceTimersByTimeAsync(5000);
      expect(b.leads()).toBe(true);
    },
  );

  it('gives its lease up also when somebody else wrote into it', async () => {
    const a = replica('a');
    await vi.advanceTimersByTimeAsync(100);
    const b = replica('b');
    await vi.advanceTimersByTimeAsync(100);
    const written = api.client().patch(LEASE, 'default', 'lock', { metadata: { labels: { seen: 'yes' } } });
    await vi.advanceTimersByTimeAsync(50);
    await written;
    a.stop.abort();
    await vi.advanceTimersByTimeAsync(3000);
    expect([a.leads(), b.leads()]).toEqual([false, true]);
  });

  it('gives up leading before another may begin when the server is away', async () => {
    const a = replica('a');
    await vi.advanceTimersByTimeAsync(5000);
    api.goDown();
    await vi.advanceTimersByTimeAsync(13_000);
    expect(a.leads()).toBe(false);
    api.comeUp();
    await vi.advanceTimersByTimeAsync(5000);
    expect(a.leads()).toBe(true);
  });

  it('never has two leaders though requests fail', async () => {
    api.faults = { dropRequest: 0.3, dropAnswer: 0.3, conflict: 0.2, delay: 0.3, delayMsMax: 4000 };
    const all = ['a', 'bb', 'ccc'].map((name) => replica(name));
    let ledMs = 0;
    for (let second = 0; second < 600; second++) {
      await vi.advanceTimersByTimeAsync(1000);
      const leaders = all.filter(({ leads }) => leads());
      expect(leaders.length).toBeLessThan(2);
      ledMs += leaders.length * 1000;
    }
    expect(ledMs).toBeGreaterThan(100_000);
  });
});

function silentLease() {
  const renewTime = new Date(systemClock.wall()).toISOString();
  const spec = { holderIdentity: 'gone', leaseDurationSeconds: 15, renewTime };
  return { apiVersion: LEASE.apiVersion, kind: LEASE.kind, metadata: { name: 'lock' }, spec };
}
