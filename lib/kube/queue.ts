/**
 * Keys that wait for work: each at most once, one run at a time per key, several keys side by side, so that a slow key delays no other.
 *
 * A key that is added while it runs, runs once more. A run that fails is repeated, later each time; one that asks for it is
 * repeated when it says.
 */
import { Backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Random } from '../random.ts';
import { Seldom } from '../seldom.ts';

export interface QueueObserver {
  depth(waiting: number): void;
  /** Work on that key is called for. */
  added?(key: string): void;
  /** Each run happens in it. */
  around?<T>(key: string, run: () => Promise<T>): Promise<T>;
  /** `success`, `requeue_after` or `error`, as controller-runtime has them. */
  reconciled(result: ReconcileResult, durationMs: number): void;
  /** Between add and run. */
  waited(durationMs: number): void;
  retried(): void;
}

export type ReconcileResult = 'success' | 'requeue_after' | 'error';

export interface WorkQueueParts {
  /** One look at what `key` stands for. A number is when to look again, in milliseconds from now; Infinity is never. */
  run: (key: string, signal: AbortSignal) => Promise<number | undefined>;
  clock: Clock;
  random: Random;
  log: Logger;
  observer?: QueueObserver;
}

export interface WorkQueueOptions {
  /** Keys at once; 16 when absent. */
  workers?: number;
  retryInitialMs?: number;
  retryMaxMs?: number;
}

const WORKERS = 16;
const RETRY_INITIAL_MS = 100;
const RETRY_MAX_MS = 60_000;
/** Who asks to be run again at once, lets others have their turn: a run may end without having waited for anything. */
const AGAIN_MIN_MS = 20;
/** What timers can hold. */
const WAIT_MAX_MS = 2 ** 31 - 1;

/** A failure that stays the same, such as an object that is refused, is told of this often. */
const SAME_FAILURE_MS = 600_000;

/** More runs of one key within the window are no work but a circle. */
const RUNS_MAX = 200;
const RUNS_WINDOW_MS = 10_000;

interface Rate {
  sinceMs: number;
  count: number;
  isTold: boolean;
}

interface Later {
  timer: NodeJS.Timeout;
  dueMs: number;
}

export class WorkQueue {
  private readonly parts: WorkQueueParts;
  private readonly options: WorkQueueOptions;
  /** Keys that wait, with when they were added. */
  private readonly waiting = new Map<string, number>();
  private readonly running = new Set<string>();
  private readonly again = new Set<string>();
  private readonly later = new Map<string, Later>();
  private readonly rates = new Map<string, Rate>();
  private readonly backoffs = new Map<string, Backoff>();
  private readonly failures = new Map<string, { message: string; seldom: Seldom }>();
  private signal: AbortSignal | undefined;
  private onIdle: (() => void)[] = [];

  constructor(parts: WorkQueueParts, options: WorkQueueOptions = {}) {
    this.parts = parts;
    this.options = options;
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.waiting.size;
  }

  /** Nothing waits for a worker, and none works; what is due later does not count. */
  get isIdle(): boolean {
    return this.waiting.size === 0 && this.running.size === 0;
  }

  add(key: string): void {
    if (this.signal?.aborted) return;
    const brakeMs = this.brakeMs(key);
    if (brakeMs > 0) {
      this.addAfter(key, brakeMs);
      return;
    }
    this.cancelLater(key);
    this.parts.observer?.added?.(key);
    if (this.running.has(key)) this.again.add(key);
    else if (!this.waiting.has(key)) {
      this.waiting.set(key, this.parts.clock.now());
      this.parts.observer?.depth(this.waiting.size);
      this.fill();
    }
  }

  /** The earliest of several wins. */
  addAfter(key: string, waitMs: number): void {
    if (waitMs === Infinity || this.signal?.aborted) return;
    if (waitMs <= 0) {
      this.add(key);
      return;
    }
    const dueMs = this.parts.clock.now() + waitMs;
    if ((this.later.get(key)?.dueMs ?? Infinity) <= dueMs) return;
    this.cancelLater(key);
    const timer = setTimeout(() => this.due(key, dueMs), Math.min(waitMs, WAIT_MAX_MS));
    this.later.set(key, { timer, dueMs });
  }

  /** What `key` stood for is gone: neither retries nor waits are left of it. */
  forget(key: string): void {
    this.rates.delete(key);
    this.cancelLater(key);
    this.backoffs.delete(key);
    this.failures.delete(key);
  }

  /** May be called again when it is over. Works until `signal` aborts; resolves when the runs that were under way then are over. */
  async run(signal: AbortSignal): Promise<void> {
    this.signal = signal;
    this.fill();
    if (!signal.aborted) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    }
    for (const { timer } of this.later.values()) clearTimeout(timer);
    this.later.clear();
    this.waiting.clear();
    this.parts.observer?.depth(0);
    if (this.running.size > 0) await new Promise<void>((resolve) => this.onIdle.push(resolve));
  }

  private fill(): void {
    if (this.signal === undefined || this.signal.aborted) return;
    const { workers = WORKERS } = this.options;
    for (const [key, addedMs] of this.waiting) {
      if (this.running.size >= workers) return;
      this.waiting.delete(key);
      this.parts.observer?.depth(this.waiting.size);
      this.parts.observer?.waited(this.parts.clock.now() - addedMs);
      void this.work(key, this.signal);
    }
  }

  /** A key whose every run brings about the next one, by a mistake of ours or of another controller, waits. */
  private brakeMs(key: string): number {
    const { clock, log } = this.parts;
    const rate = this.rates.get(key);
    if (rate === undefined || rate.count < RUNS_MAX) return 0;
    const leftMs = rate.sinceMs + RUNS_WINDOW_MS - clock.now();
    if (leftMs > 0 && !rate.isTold) {
      rate.isTold = true;
      log.warn({ key, runs: rate.count, windowMs: RUNS_WINDOW_MS }, 'reconciled too often, slowed down');
    }
    return leftMs;
  }

  private countRun(key: string, nowMs: number): void {
    const rate = this.rates.get(key);
    if (rate === undefined || nowMs >= rate.sinceMs + RUNS_WINDOW_MS) {
      this.rates.set(key, { sinceMs: nowMs, count: 1, isTold: false });
    } else rate.count += 1;
  }

  /** Never rejects. */
  private async work(key: string, signal: AbortSignal): Promise<void> {
    const { clock, log, observer } = this.parts;
    const startMs = clock.now();
    this.countRun(key, startMs);
    this.running.add(key);
    const { result, againMs } = await this.attempt(key, signal);
    this.running.delete(key);
    const durationMs = clock.now() - startMs;
    observer?.reconciled(result, durationMs);
    log.debug({ key, result, durationMs: Math.round(durationMs) }, 'reconciled');
    if (this.again.delete(key)) this.add(key);
    else this.addAfter(key, Math.max(againMs, AGAIN_MIN_MS));
    this.fill();
    if (this.running.size === 0) for (const resolve of this.onIdle.splice(0)) resolve();
  }

  private async attempt(key: string, signal: AbortSignal): Promise<{ result: ReconcileResult; againMs: number }> {
    try {
      const { run, observer } = this.parts;
      const look = () => run(key, signal);
      const againMs = (await (observer?.around ? observer.around(key, look) : look())) ?? Infinity;
      this.backoffs.delete(key);
      if (this.failures.delete(key)) this.parts.log.info({ key }, 'reconcile succeeds again');
      return { result: againMs === Infinity ? 'success' : 'requeue_after', againMs };
    } catch (err) {
      if (signal.aborted) return { result: 'error', againMs: Infinity };
      const againMs = this.backoffOf(key).nextMs();
      this.tellFailure(key, err, againMs);
      this.parts.observer?.retried();
      return { result: 'error', againMs };
    }
  }

  private tellFailure(key: string, err: unknown, againMs: number): void {
    const message = messageOf(err);
    const before = this.failures.get(key);
    const failure = before?.message === message ? before : { message, seldom: new Seldom(SAME_FAILURE_MS) };
    this.failures.set(key, failure);
    const untold = failure.seldom.tell(this.parts.clock.now());
    if (untold === undefined) return;
    const fields = { key, err, retryAfterMs: Math.round(againMs), ...(untold > 0 && { untold }) };
    this.parts.log.warn(fields, 'reconcile failed and is tried again');
  }

  private backoffOf(key: string): Backoff {
    const { retryInitialMs: initialMs = RETRY_INITIAL_MS, retryMaxMs: maxMs = RETRY_MAX_MS } = this.options;
    const backoff = this.backoffs.get(key) ?? new Backoff(this.parts.random, { initialMs, maxMs });
    this.backoffs.set(key, backoff);
    return backoff;
  }

  private due(key: string, dueMs: number): void {
    this.later.delete(key);
    this.addAfter(key, dueMs - this.parts.clock.now());
  }

  private cancelLater(key: string): void {
    clearTimeout(this.later.get(key)?.timer);
    this.later.delete(key);
  }
}
