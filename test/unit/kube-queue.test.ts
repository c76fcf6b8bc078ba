import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { WorkQueue, type WorkQueueOptions } from '../../lib/kube/queue.ts';
import { createLogger, type Logger } from '../../lib/log.ts';
import { SeededRandom } from '../../lib/random.ts';

const silent = createLogger({ name: 'test', level: 'silent' });
let ended: AbortController;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  ended = new AbortController();
});
afterEach(() => {
  ended.abort();
  vi.useRealTimers();
});

function queueOf(
  run: (key: string) => Promise<number | undefined>,
  options?: WorkQueueOptions,
  log = silent,
): WorkQueue {
  const queue = new WorkQueue({ run, clock: systemClock, random: new SeededRandom(1), log }, options);
  void queue.run(ended.signal);
  return queue;
}

describe('a work queue', () => {
  it('runs a key once for many additions, and once more for those during the run', async () => {
    const runs: string[] = [];
    const finish: (() => void)[] = [];
    const queue = queueOf(async (key) => {
      runs.push(key);
      await new Promise<void>((resolve) => finish.push(resolve));
      return undefined;
    });
    for (let count = 0; count < 5; count++) queue.add('a');
    for (let count = 0; count < 5; count++) queue.add('a');
    expect(runs).toEqual(['a']);
    finish[0]!();
    await vi.advanceTimersByTimeAsync(0);
    expect(runs).toEqual(['a', 'a']);
    finish[1]!();
    await vi.advanceTimersByTimeAsync(0);
    expect(queue.isIdle).toBe(true);
  });

  it('delays no key for a slow one, and works on no more keys than it may', async () => {
    const runs: string[] = [];
    const queue = queueOf(
      async (key) => {
        runs.push(key);
        if (key.startsWith('slow')) await new Promise(() => undefined);
        return undefined;
      },
      { workers: 2 },
    );
    for (const key of ['slow', 'a', 'b', 'slow2', 'c']) queue.add(key);
    await vi.advanceTimersByTimeAsync(0);
    expect(runs).toEqual(['slow', 'a', 'b', 'slow2']);
    expect(queue.depth).toBe(1);
  });

  it('slows a key down whose runs bring about the next one, and no other', async () => {
    let circles = 0;
    let others = 0;
    const queue: WorkQueue = queueOf(async (key) => {
      if (key === 'other') others += 1;
      else {
        circles += 1;
        queue.add('circle');
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return undefined;
    });
    queue.add('circle');
    await vi.advanceTimersByTimeAsync(9000);
    expect(circles).toBeLessThanOrEqual(201);
    queue.add('other');
    await vi.advanceTimersByTimeAsync(0);
    expect(others).toBe(1);
    await vi.advanceTimersByTimeAsync(2000);
    expect(circles).toBeGreaterThan(201);
  });

  it('tells each run at debug, with what came of it and how long it took', async () => {
    const lines: Record<string, unknown>[] = [];
    const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
    const queue = queueOf(
      async (key) => {
        await new Promise((resolve) => setTimeout(resolve, 250));
        if (key === 'bad') throw new Error('no');
        return undefined;
      },
      {},
      createLogger({ name: 'test', level: 'debug', destination: { write } }),
    );
    for (const key of ['good', 'bad']) queue.add(key);
    await vi.advanceTimersByTimeAsync(250);
    const told = lines.filter(({ msg }) => msg === 'reconciled');
    expect(told.map(({ level, key, result, durationMs }) => [level, key, result, durationMs])).toEqual([
      ['debug', 'good', 'success', 250],
      ['debug', 'bad', 'error', 250],
    ]);
  });

  it('repeats what failed, later each time, and forgets failures with a success', async () => {
    const atMs: number[] = [];
    const queue = queueOf(
      async () => {
        atMs.push(performance.now());
        if (atMs.length < 5) throw new Error('not yet');
        return undefined;
      },
      { retryInitialMs: 100, retryMaxMs: 400 },
    );
    queue.add('a');
    await vi.advanceTimersByTimeAsync(10_000);
    const waits = atMs.slice(1).map((at, index) => at - atMs[index]!);
    for (const [index, maxMs] of [100, 200, 400, 400].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(maxMs / 2);
      expect(waits[index]).toBeLessThanOrEqual(maxMs + 1);
    }
    expect(atMs).toHaveLength(5);
  });

  it('lets others have their turn when a run asks to be run again at once', async () => {
    let runCount = 0;
    const queue = queueOf(async () => {
      runCount += 1;
      return 0;
    });
    queue.add('a');
    await vi.advanceTimersByTimeAsync(1000);
    expect(runCount).toBeGreaterThan(10);
    expect(runCount).toBeLessThan(100);
  });

  it('looks again when a run asks for it, and at once when something comes before', async () => {
    let runs = 0;
    const queue = queueOf(async () => {
      runs += 1;
      return runs < 3 ? 1000 : undefined;
    });
    queue.add('a');
    await vi.advanceTimersByTimeAsync(900);
    expect(runs).toBe(1);
    queue.add('a');
    await vi.advanceTimersByTimeAsync(500);
    expect(runs).toBe(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(runs).toBe(3);
  });

  it('keeps the earliest of several times', async () => {
    const atMs: number[] = [];
    const startMs = performance.now();
    const queue = queueOf(async () => void atMs.push(performance.now() - startMs) as undefined);
    queue.addAfter('a', 500);
    queue.addAfter('a', 100);
    queue.addAfter('a', 900);
    await vi.advanceTimersByTimeAsync(2000);
    expect(atMs).toEqual([100]);
  });

  it('tells of a failure once while it stays the same, of another at once, and when it is over', async () => {
    const lines: string[] = [];
    const told = (level: string) => (fields: { err?: Error; untold?: number }, message: string) =>
      lines.push([level, fields.err?.message ?? message, fields.untold].join(' ').trim());
    const log = { ...silent, warn: told('warn'), info: told('info'), debug: () => undefined } as unknown as Logger;
    let fault: string | undefined = 'refused';
    const run = async () => {
      if (fault !== undefined) throw new Error(fault);
      return undefined;
    };
    const queue = queueOf(run, { retryMaxMs: 10_000 }, log);
    queue.add('a');
    await vi.advanceTimersByTimeAsync(300_000);
    expect(lines).toEqual(['warn refused']);
    await vi.advanceTimersByTimeAsync(330_000);
    expect(lines.at(-1)).toMatch(/^warn refused \d{2,}$/);
    fault = 'not found';
    await vi.advanceTimersByTimeAsync(30_000);
    expect(lines.slice(2)).toEqual(['warn not found']);
    fault = undefined;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(lines.slice(3)).toEqual(['info reconcile succeeds again']);
  });

  it('waits for runs under way when it ends, begins none, and leaves no timer', async () => {
    let isDone = false;
    const runs: string[] = [];
    const own = new AbortController();
    const run = async (key: string) => {
      runs.push(key);
      await new Promise((resolve) => setTimeout(resolve, 50));
      isDone = true;
      return 10;
    };
    const queue = new WorkQueue({ run, clock: systemClock, random: new SeededRandom(1), log: silent }, { workers: 1 });
    const over = queue.run(own.signal);
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 10_000);
    own.abort();
    queue.add('d');
    await vi.advanceTimersByTimeAsync(100);
    await over;
    expect(isDone).toBe(true);
    expect(runs).toEqual(['a']);
    expect(vi.getTimerCount()).toBe(0);
  });
});
