/** Rates of the last few minutes, as long as the page is open: for the small curves. Pure. */
const SAMPLE_COUNT = 90;
const SAMPLE_MS = 2000;
const FORGOTTEN_MS = 60_000;

interface Series {
  readonly values: number[];
  seenAt: number;
}

export class History {
  readonly #series = new Map<string, Series>();
  #sampledAt = Number.NEGATIVE_INFINITY;

  /** Takes a sample of each when it is time for one. */
  sample(now: number, current: Iterable<readonly [string, number]>): void {
    if (now - this.#sampledAt < SAMPLE_MS) return;
    // A curve with a hole in it would say that nothing has happened meanwhile.
    if (now - this.#sampledAt > FORGOTTEN_MS) this.#series.clear();
    this.#sampledAt = now;
    for (const [key, value] of current) {
      const series = this.#series.get(key) ?? { values: [], seenAt: now };
      series.values.push(value);
      series.seenAt = now;
      if (series.values.length > SAMPLE_COUNT) series.values.shift();
      this.#series.set(key, series);
    }
    for (const [key, { seenAt }] of this.#series) if (now - seenAt > FORGOTTEN_MS) this.#series.delete(key);
  }

  clear(): void {
    this.#series.clear();
  }

  /** The oldest first. */
  of(key: string): readonly number[] {
    return this.#series.get(key)?.values ?? [];
  }
}
