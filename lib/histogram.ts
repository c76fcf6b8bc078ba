/**
 * A histogram of durations for the hot path: adding to it is one search among a dozen bounds and three additions; a scrape reads it
 * (`openmetrics.ts`). The last trace of each bucket is kept as its exemplar. Pure.
 */

export interface Exemplar {
  readonly traceId: string;
  readonly seconds: number;
}

/** Of connections through a network: from one on the same machine to one that waits for its dial's end. */
export const CONNECT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

export class DurationHistogram {
  /** Upper bounds in seconds, growing. */
  readonly bounds: readonly number[];
  /** How many took at most that long and longer than the bound before; the last is for those beyond all. */
  readonly counts: number[];
  readonly exemplars: (Exemplar | undefined)[];
  sumSeconds = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
    this.exemplars = Array.from({ length: bounds.length + 1 }, () => undefined);
  }

  /** @param traceId of one that is kept, so that it can be looked up */
  observe(seconds: number, traceId?: string): void {
    const { bounds } = this;
    let index = 0;
    while (index < bounds.length && seconds > bounds[index]!) index++;
    this.counts[index]!++;
    this.sumSeconds += seconds;
    if (traceId !== undefined) this.exemplars[index] = { traceId, seconds };
  }
}
