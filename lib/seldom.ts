/** What is told of at once, and then at most once in a while, with how often it was kept back. Pure: the time is given. */
export class Seldom {
  private readonly intervalMs: number;
  private toldAt = Number.NEGATIVE_INFINITY;
  private untold = 0;

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
  }

  /** @returns how many were not told since the last that was; undefined when this one is not to be told either */
  tell(now: number): number | undefined {
    if (now < this.toldAt + this.intervalMs) {
      this.untold++;
      return undefined;
    }
    const { untold } = this;
    this.toldAt = now;
    this.untold = 0;
    return untold;
  }
}
