/**
 * How late turns of the event loop begin, since the last scrape. One that comes soon after another hears of both times together: there may
 * be several who scrape, and none of them must leave the others without what it has seen.
 */
import { monitorEventLoopDelay, type RecordableHistogram } from 'node:perf_hooks';

/** In nanoseconds. */
type Delays = Pick<RecordableHistogram, 'count' | 'percentile' | 'max' | 'reset'>;

export interface EventLoopDelaySeconds {
  readonly p50Seconds: number;
  readonly p99Seconds: number;
  readonly maxSeconds: number;
}

/** A time that was told is told again until it is so long. */
export const DELAY_SPAN_MS = 10_000;

export class EventLoopDelay {
  private readonly delays: Delays;
  private since: number;
  private told: EventLoopDelaySeconds = { p50Seconds: 0, p99Seconds: 0, maxSeconds: 0 };

  /** @param now ms on the clock of what is read later */
  constructor(delays: Delays, now: number) {
    this.delays = delays;
    this.since = now;
  }

  read(now: number): EventLoopDelaySeconds {
    const { delays } = this;
    // Right after a new time has begun, there is nothing yet.
    if (delays.count === 0) return this.told;
    this.told = {
      p50Seconds: delays.percentile(50) / 1e9,
      p99Seconds: delays.percentile(99) / 1e9,
      maxSeconds: delays.max / 1e9,
    };
    if (now - this.since >= DELAY_SPAN_MS) {
      delays.reset();
      this.since = now;
    }
    return this.told;
  }
}

/** @param now see EventLoopDelay */
export function watchEventLoop(now: number, signal: AbortSignal): EventLoopDelay {
  const delays = monitorEventLoopDelay({ resolution: 20 });
  delays.enable();
  signal.addEventListener('abort', () => delays.disable(), { once: true });
  return new EventLoopDelay(delays, now);
}
