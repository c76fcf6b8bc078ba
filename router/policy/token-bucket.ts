/**
 * So many a second, and some at once after a pause. Pure: the time is given. What is taken beyond what there is, is a debt that is paid
 * before anything more can be had.
 */
export class TokenBucket {
  private perSecond: number;
  private burst: number;
  private tokens: number;
  private at: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.tokens = burst;
    this.at = now;
  }

  /** From now on; what was saved up stays, as far as the new burst allows. */
  adjust(perSecond: number, burst: number, now: number): void {
    this.tokens = Math.min(this.available(now), burst);
    this.at = now;
    this.perSecond = perSecond;
    this.burst = burst;
  }

  /** Below 0 while there is a debt. */
  available(now: number): number {
    return Math.min(this.burst, this.tokens + (Math.max(0, now - this.at) * this.perSecond) / 1000);
  }

  take(count: number, now: number): void {
    this.tokens = this.available(now) - count;
    this.at = Math.max(now, this.at);
  }

  /** When there are `count`, ms; no more than the burst is ever there. */
  readyAt(count: number, now: number): number {
    const missing = Math.min(count, this.burst) - this.available(now);
    if (missing <= 0) return now;
    return this.perSecond > 0 ? now + (missing * 1000) / this.perSecond : Number.POSITIVE_INFINITY;
  }

  /** Nothing was taken of late: it is as good as a new one. */
  isFull(now: number): boolean {
    return this.available(now) >= this.burst;
  }
}
