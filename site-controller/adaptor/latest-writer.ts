/**
 * Writes the latest of many values: equal ones once, quick ones together, failed ones again. At rest it writes nothing.
 *
 * After a rest the second value may be what somebody waits for: the spacing of writes begins small and doubles.
 */
import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { Wakeup } from '../../lib/wakeup.ts';

const REST_PER_WORK = 4;
/** The first spacing is this part of the full one. */
const FIRST_PART = 8;
/** So many spacings without a write are a rest. */
const REST_INTERVALS = 5;

export interface LatestWriterParts<T> {
  /** What is written, for the log. */
  what: string;
  write: (value: T) => Promise<void>;
  /** A text that is the same for values that need not be written one after the other. */
  identify: (value: T) => string;
  /** Least time from one write to the next, when there are many. */
  intervalMs: number;
  clock: Clock;
  random: Random;
  log: Logger;
}

export class LatestWriter<T> {
  private readonly parts: LatestWriterParts<T>;
  private readonly wakeup = new Wakeup();
  private readonly backoff: Backoff;
  private latest: { value: T; id: string } | undefined;
  private writtenId: string | undefined;

  constructor(parts: LatestWriterParts<T>) {
    this.parts = parts;
    this.backoff = new Backoff(parts.random, { initialMs: 200, maxMs: 10_000 });
  }

  set(value: T): void {
    const id = this.parts.identify(value);
    if (id === this.latest?.id) return;
    this.latest = { value, id };
    this.wakeup.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    let earliest = -Infinity;
    let spacingMs = 0;
    let endedAt = -Infinity;
    while (!signal.aborted) {
      const { clock } = this.parts;
      const isDue = this.latest !== undefined && this.latest.id !== this.writtenId;
      const waitMs = earliest - clock.now();
      if (!isDue) await this.wakeup.wait(Infinity, signal);
      else if (waitMs > 0) await this.pause(waitMs, signal);
      else {
        const begunAt = clock.now();
        const isDone = await this.writeLatest(signal);
        const now = clock.now();
        spacingMs = this.nextSpacing(spacingMs, begunAt - endedAt);
        endedAt = now;
        // What takes long is done less often.
        const pauseMs = Math.max(spacingMs, (now - begunAt) * REST_PER_WORK);
        earliest = now + (isDone ? pauseMs : this.backoff.nextMs());
      }
    }
  }

  private nextSpacing(beforeMs: number, restedMs: number): number {
    const { intervalMs } = this.parts;
    if (restedMs >= intervalMs * REST_INTERVALS) return intervalMs / FIRST_PART;
    return Math.min(intervalMs, beforeMs * 2);
  }

  private async writeLatest(signal: AbortSignal): Promise<boolean> {
    const { write, what, log } = this.parts;
    const { value, id } = this.latest!;
    try {
      await write(value);
      this.writtenId = id;
      this.backoff.reset();
      return true;
    } catch (err) {
      if (!signal.aborted) log.warn({ err, what }, 'not written, trying again');
      return false;
    }
  }

  /** New values in the meantime are no reason to be early. */
  private async pause(waitMs: number, signal: AbortSignal): Promise<void> {
    const until = this.parts.clock.now() + waitMs;
    for (let left = waitMs; left > 0 && !signal.aborted; left = until - this.parts.clock.now()) {
      await this.wakeup.wait(left, signal);
    }
  }
}
