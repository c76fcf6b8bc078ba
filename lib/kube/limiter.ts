/** At most so many at once; the others wait their turn in order. */

export class Limiter {
  private readonly inFlightMax: number;
  private inFlight = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(inFlightMax: number) {
    this.inFlightMax = inFlightMax;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.inFlight >= this.inFlightMax) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.inFlight += 1;
    try {
      return await work();
    } finally {
      // Hands its place over, so that nobody slips in between.
      const next = this.waiting.shift();
      if (next === undefined) this.inFlight -= 1;
      else next();
    }
  }
}
