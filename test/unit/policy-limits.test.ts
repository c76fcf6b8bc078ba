/** Limits of policies: connections a second, connections at a time, octets a second, and who waits for whom. */
import { describe, expect, it } from 'vitest';
import type { Limits, PolicyClient } from '../../lib/policy/types.ts';
import { BytePace, type Paced } from '../../router/policy/byte-pace.ts';
import { FairQueue } from '../../router/policy/fair-queue.ts';
import { shareKey, workloadKey } from '../../router/policy/keys.ts';
import { MEASURES_MAX, MEASURES_OF_SITE_MAX, REASON_LENGTH_MAX } from '../../router/policy/limits.ts';
import { Measure, type Waiter } from '../../router/policy/measure.ts';
import { Measures } from '../../router/policy/measures.ts';
import { Pass } from '../../router/policy/pass.ts';
import { POLICY_REFUSED, reasonOf } from '../../router/policy/refusal.ts';
import { TokenBucket } from '../../router/policy/token-bucket.ts';

const RULE = { policy: 'AccessPolicy/shop/backend', rule: 0 };

class Client implements Waiter {
  readonly client: string;
  readonly name: string;
  private readonly told: string[];

  constructor(client: string, name: string, told: string[]) {
    this.client = client;
    this.name = name;
    this.told = told;
  }

  granted(): void {
    this.told.push(`${this.name} in`);
  }

  refused(): void {
    this.told.push(`${this.name} refused`);
  }
}

describe('a token bucket', () => {
  it('gives its burst at once, then as many as its rate', () => {
    const bucket = new TokenBucket(10, 3, 0);
    for (let i = 0; i < 3; i++) {
      expect(bucket.readyAt(1, 0)).toBe(0);
      bucket.take(1, 0);
    }
    expect(bucket.readyAt(1, 0)).toBe(100);
    expect(bucket.readyAt(1, 100)).toBe(100);
  });

  it('saves no more than its burst, however long nobody comes', () => {
    const bucket = new TokenBucket(10, 3, 0);
    bucket.take(3, 0);
    expect(bucket.available(3_600_000)).toBe(3);
  });

  it('gives nothing until a debt is paid', () => {
    const bucket = new TokenBucket(1000, 100, 0);
    bucket.take(600, 0);
    expect(bucket.available(0)).toBe(-500);
    expect(bucket.readyAt(1, 0)).toBeCloseTo(501);
  });
});

describe('a fair queue', () => {
  it('lets clients take turns, and serves each in order', () => {
    const queue = new FairQueue<string>();
    for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) queue.push(name[0]!, name);
    const served = Array.from({ length: 6 }, () => queue.shift());
    expect(served).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
    expect([queue.size, queue.shift()]).toEqual([0, undefined]);
  });

  it('lets sites take turns, and the clients of a site in its turns: names of clients are worth nothing', () => {
    const queue = new FairQueue<string>();
    const of = (siteId: string, workload: string) =>
      workloadKey({ siteId, namespace: 'n', workload, verification: 'path' });
    for (let i = 0; i < 6; i++) queue.push(of('liar', `invented ${i}`), `liar ${i}`);
    for (const workload of ['a', 'a', 'b']) queue.push(of('honest', workload), `honest ${workload}${queue.size}`);
    const served = Array.from({ length: 6 }, () => queue.shift());
    expect(served).toEqual(['liar 0', 'honest a6', 'liar 1', 'honest b8', 'liar 2', 'honest a7']);
    expect(queue.size).toBe(3);
  });

  it('forgets who leaves', () => {
    const queue = new FairQueue<string>();
    queue.push('a', 'a1');
    queue.push('b', 'b1');
    expect([queue.remove('a', 'a1'), queue.remove('a', 'a1'), queue.size]).toEqual([true, false, 1]);
    expect(queue.shift()).toBe('b1');
  });
});

describe('a measure', () => {
  function measured(limits: Limits): { measure: Measure; told: string[]; come(name: string, at: number): string } {
    const told: string[] = [];
    const measure = new Measure(limits, 0);
    return { measure, told, come: (name, at) => measure.ask(new Client(name[0]!, name, told), at) };
  }

  it('lets in so many at a time, and the next when one leaves', () => {
    const { measure, told, come } = measured({ concurrentConnections: 2, queue: { length: 1, seconds: 5 } });
    expect([come('a1', 0), come('a2', 0), come('a3', 0), come('a4', 0)]).toEqual([
      'granted',
      'granted',
      'waits',
      'refused',
    ]);
    measure.tick(1000);
    expect(told).toEqual([]);
    measure.leave();
    expect(measure.dueAt(1000)).toBe(1000);
    measure.tick(1000);
    expect([told, measure.inUse]).toEqual([['a3 in'], 2]);
  });

  it('lets in so many a second, one after the other', () => {
    const limits = { connectionsPerSecond: 10, connectionsBurst: 1, queue: { length: 9, seconds: 5 } };
    const { measure, told, come } = measured(limits);
    for (let i = 0; i < 4; i++) come(`a${i}`, 0);
    expect(measure.dueAt(0)).toBe(100);
    measure.tick(100);
    expect(told).toEqual(['a1 in']);
    measure.tick(300);
    measure.tick(400);
    expect(told).toEqual(['a1 in', 'a2 in', 'a3 in']);
  });

  it('refuses at once without a queue, and after its wait with one', () => {
    expect(measured({ concurrentConnections: 1 }).come('a1', 0)).toBe('granted');
    const { measure, told, come } = measured({ concurrentConnections: 1, queue: { length: 5, seconds: 2 } });
    come('a1', 0);
    come('a2', 100);
    come('a3', 200);
    expect(measure.dueAt(200)).toBe(2100);
    measure.tick(2100);
    expect(told).toEqual(['a2 refused']);
    measure.tick(2200);
    expect([told, measure.queuedCount]).toEqual([['a2 refused', 'a3 refused'], 0]);
  });

  it('takes a client with few in turn with one that has many', () => {
    const limits = { connectionsPerSecond: 10, connectionsBurst: 1, queue: { length: 100, seconds: 60 } };
    const { measure, told, come } = measured(limits);
    for (let i = 0; i < 20; i++) come(`a${i}`, 0);
    come('b0', 1);
    come('b1', 1);
    for (let at = 100; at <= 500; at += 100) measure.tick(at + 1);
    expect(told).toEqual(['a1 in', 'b0 in', 'a2 in', 'b1 in', 'a3 in']);
  });

  it('has a place in its queue for a client with few, whoever has filled it', () => {
    const { measure, told, come } = measured({ concurrentConnections: 1, queue: { length: 4, seconds: 60 } });
    for (let i = 0; i < 9; i++) come(`a${i}`, 0);
    expect([come('b0', 1), come('b1', 1), come('b2', 1), come('a9', 1)]).toEqual([
      'waits',
      'waits',
      'refused',
      'refused',
    ]);
    expect(told).toEqual(['a4 refused', 'a3 refused']);
    expect(measure.queuedCount).toBe(4);
    for (let i = 0; i < 4; i++) {
      measure.leave();
      measure.tick(2);
    }
    expect(told.slice(2)).toEqual(['a1 in', 'b0 in', 'a2 in', 'b1 in']);
  });

  it('lets nobody pass who waits', () => {
    const { measure, come } = measured({ concurrentConnections: 1, queue: { length: 5, seconds: 60 } });
    come('a1', 0);
    come('a2', 0);
    measure.leave();
    expect(come('b1', 0)).toBe('waits');
  });

  it('follows changed limits: who waits comes in when there is room', () => {
    const { measure, told, come } = measured({ concurrentConnections: 1, queue: { length: 5, seconds: 60 } });
    come('a1', 0);
    come('a2', 0);
    measure.adjust({ concurrentConnections: 2 }, 10);
    measure.tick(10);
    expect(told).toEqual(['a2 in']);
  });
});

describe('octets a second', () => {
  const PER_SECOND = 100_000;

  /** Reads whenever it may, as a socket with endless input. */
  class Reader implements Paced {
    readonly client: string;
    read = 0;
    stands = false;
    constructor(client: string) {
      this.client = client;
    }
    goOn(): void {
      this.stands = false;
    }
  }

  function run(pace: BytePace, readers: readonly Reader[], untilMs: number, chunk: number): void {
    for (let now = 0; now <= untilMs; now++) {
      pace.tick(now);
      for (const reader of readers) {
        if (reader.stands) continue;
        reader.read += chunk;
        if (!pace.carried(reader, chunk, now)) reader.stands = true;
      }
    }
  }

  it.each([500, 16_384, 65_536])('hold over time, whatever each read brings: %i octets', (chunk) => {
    const reader = new Reader('a');
    run(new BytePace(PER_SECOND, 0), [reader], 20_000, chunk);
    expect(reader.read).toBeGreaterThan(PER_SECOND * 19);
    expect(reader.read).toBeLessThan(PER_SECOND * 20 + PER_SECOND / 4 + 2 * chunk);
  });

  it('are shared by clients, not by connections', () => {
    const many = Array.from({ length: 9 }, () => new Reader('greedy'));
    const few = new Reader('modest');
    run(new BytePace(PER_SECOND, 0), [...many, few], 60_000, 8192);
    const taken = many.reduce((sum, { read }) => sum + read, 0);
    expect(few.read / (few.read + taken)).toBeGreaterThan(0.4);
    expect(Math.min(...many.map(({ read }) => read)) / Math.max(...many.map(({ read }) => read))).toBeGreaterThan(0.7);
  });

  it('are not lost on one whose turn comes while it has nothing to say', () => {
    const quiet = Array.from({ length: 5 }, () => new Reader('quiet'));
    const busy = new Reader('busy');
    const pace = new BytePace(PER_SECOND, 0);
    for (const reader of quiet) {
      reader.stands = !pace.carried(reader, 20_000, 0);
    }
    for (let now = 1; now <= 10_000; now++) {
      pace.tick(now);
      if (busy.stands) continue;
      busy.read += 4096;
      busy.stands = !pace.carried(busy, 4096, now);
    }
    expect(busy.read).toBeGreaterThan(PER_SECOND * 8);
  });

  it('stand open when there is no limit any more', () => {
    const measure = new Measure({ bytesPerSecond: 1000 }, 0);
    const reader = new Reader('a');
    reader.stands = !measure.pace!.carried(reader, 50_000, 0);
    expect(reader.stands).toBe(true);
    measure.adjust({}, 1);
    expect([reader.stands, measure.pace]).toEqual([false, undefined]);
  });
});

describe('who shares a measure', () => {
  const client: PolicyClient = { siteId: 's1', namespace: 'web', workload: 'frontend', verification: 'path' };

  it('is said by the rule', () => {
    expect(shareKey('Rule', client)).toBe(shareKey(undefined, { ...client, siteId: 's2' }));
    expect(shareKey('Site', client)).toBe(shareKey('Site', { ...client, workload: 'other' }));
    expect(shareKey('Site', client)).not.toBe(shareKey('Site', { ...client, siteId: 's2' }));
    expect(shareKey('Workload', client)).not.toBe(shareKey('Workload', { ...client, workload: 'other' }));
  });

  it('is one for all that only say who they are: names take no more', () => {
    const names = ['s1', 's2', 's3'].map((siteId) => ({ ...client, siteId, verification: 'none' }) as const);
    expect(new Set(names.map((each) => shareKey('Site', each))).size).toBe(1);
    expect(new Set(names.map(workloadKey)).size).toBe(1);
  });

  it('is bounded: beyond it, the rest of a rule shares one', () => {
    const measures = new Measures();
    const limits: Limits = { concurrentConnections: 1, per: 'Site' };
    const enter = (siteId: string) =>
      measures.of({ by: RULE, limits }, { siteId, verification: 'link' }, 0).measure.ask(new Client('x', 'x', []), 0);
    for (let i = 0; i < MEASURES_MAX; i++) enter(`s${i}`);
    expect([enter('more'), enter('and more')]).toEqual(['granted', 'refused']);
    expect(measures.size).toBe(MEASURES_MAX + 1);
  });

  it('is bounded for each other site, which names its workloads itself', () => {
    const measures = new Measures();
    const limits: Limits = { concurrentConnections: 1, per: 'Workload' };
    const enter = (siteId: string, workload: string, verification: 'path' | 'local' = 'path') =>
      measures.of({ by: RULE, limits }, { siteId, workload, verification }, 0).measure.ask(new Client('x', 'x', []), 0);
    for (let i = 0; i < MEASURES_OF_SITE_MAX; i++) expect(enter('liar', `invented ${i}`)).toBe('granted');
    expect([enter('liar', 'more'), enter('liar', 'and more')]).toEqual(['granted', 'refused']);
    expect([enter('honest', 'a'), enter('honest', 'b'), enter('honest', 'a')]).toEqual([
      'granted',
      'granted',
      'refused',
    ]);
    for (let i = 0; i <= MEASURES_OF_SITE_MAX; i++) expect(enter('own', `pod ${i}`, 'local')).toBe('granted');
  });

  it('a decision that is kept finds its measure again, and no measure that is gone', () => {
    const measures = new Measures();
    const limit = { by: RULE, limits: { concurrentConnections: 1, per: 'Site' } as Limits };
    const client = { siteId: 's0', verification: 'link' } as const;
    const first = measures.of(limit, client, 0);
    expect(measures.of(limit, client, 0)).toBe(first);
    for (let i = 1; i < MEASURES_MAX; i++) measures.of({ ...limit }, { ...client, siteId: `s${i}` }, 0);
    measures.of({ ...limit }, { ...client, siteId: 'more' }, 1);
    expect(measures.size).toBe(1);
    const again = measures.of(limit, client, 1);
    expect(measures.size).toBe(2);
    expect(again).toBe(measures.of({ ...limit }, client, 1));
  });

  it('idle measures make room', () => {
    const measures = new Measures();
    const limits: Limits = { concurrentConnections: 1, per: 'Site' };
    for (let i = 1; i < MEASURES_MAX; i++)
      measures.of({ by: RULE, limits }, { siteId: `s${i}`, verification: 'link' }, 0);
    const asked = measures.of({ by: RULE, limits }, { siteId: 'first', verification: 'link' }, 1);
    measures.of({ by: RULE, limits }, { siteId: 'more', verification: 'link' }, 1);
    expect(measures.size).toBe(2);
    expect(measures.of({ by: RULE, limits }, { siteId: 'first', verification: 'link' }, 1)).toBe(asked);
  });
});

describe('a pass', () => {
  const clientOf = (workload: string): PolicyClient => ({ workload, verification: 'local' });

  it('waits in one measure after the other, and gives all back', () => {
    const first = new Measure({ concurrentConnections: 1, queue: { length: 1, seconds: 9 } }, 0);
    const second = new Measure({ concurrentConnections: 1, queue: { length: 1, seconds: 9 } }, 0);
    const limits = [first, second].map((measure, rule) => ({ by: { ...RULE, rule }, measure }));
    const one = new Pass(clientOf('a'), limits);
    const two = new Pass(clientOf('b'), limits);
    const told: string[] = [];
    two.wait({ granted: () => told.push('two in'), refused: () => told.push('two refused') });
    expect([one.ask(0), two.ask(0)]).toEqual(['in', 'waits']);
    expect(two.holds(limits[0]!.by)).toBe(false);
    one.leave();
    expect([first.inUse, second.inUse]).toEqual([0, 0]);
    first.tick(1);
    expect([told, first.inUse, second.inUse]).toEqual([['two in'], 1, 1]);
    two.leave();
    two.leave();
    expect([first.inUse, second.inUse]).toEqual([0, 0]);
  });

  it('leaves what it was in when a later limit refuses it', () => {
    const first = new Measure({ concurrentConnections: 5 }, 0);
    const second = new Measure({ concurrentConnections: 1 }, 0);
    const limits = [first, second].map((measure, rule) => ({ by: { ...RULE, rule }, measure }));
    expect(new Pass(clientOf('a'), limits).ask(0)).toBe('in');
    const late = new Pass(clientOf('b'), limits);
    expect([late.ask(0), late.by?.rule, first.inUse]).toEqual(['refused', 1, 1]);
    late.leave();
    expect(first.inUse).toBe(1);
  });
});

describe('why the other end has refused', () => {
  it('is bounded, and brings nothing that a terminal would obey', () => {
    const reason = (description?: string) => reasonOf({ condition: POLICY_REFUSED, description });
    expect(reason('rule 1 of\n\u001b[2J\u0007 it\u009b')).toBe('rule 1 of [2J  it');
    expect(reason('x'.repeat(REASON_LENGTH_MAX + 9))).toHaveLength(REASON_LENGTH_MAX);
    for (const nothing of [undefined, '', '\u001b'])
      expect(reason(nothing)).toBe('refused by a policy of the other site');
  });
});
