/**
 * How a link moves, as `router.link` of the wire reference 9.2 tells it: deliveries settled a second, and since when there is
 * no credit. A few integers a link, touched once or twice a delivery; what is shown is worked out when somebody asks.
 */

/** The rate is that of about the last five seconds. */
const WINDOW_MS = 5000;

export class LinkPace {
  /** When the last credit was used up, ms; -1 while there is some, or there never was any. */
  blockedAt = -1;
  private window = 0;
  private settledCount = 0;
  private settledBeforeCount = 0;

  /** @param now ms */
  settled(now: number): void {
    this.moveTo(now);
    this.settledCount++;
  }

  /** Settled a second: of this window, and of the one before as far as it is within five seconds. */
  settleRate(now: number): number {
    this.moveTo(now);
    const passed = (now % WINDOW_MS) / WINDOW_MS;
    return Math.round((this.settledCount + this.settledBeforeCount * (1 - passed)) / (WINDOW_MS / 1000));
  }

  /** @param credit what is left now */
  credited(credit: number, now: number): void {
    if (credit > 0) this.blockedAt = -1;
    else if (this.blockedAt < 0) this.blockedAt = now;
  }

  /** Seconds without credit, 0 while there is some. */
  blockedSeconds(now: number): number {
    return this.blockedAt < 0 ? 0 : Math.floor((now - this.blockedAt) / 1000);
  }

  private moveTo(now: number): void {
    const window = Math.floor(now / WINDOW_MS);
    if (window === this.window) return;
    this.settledBeforeCount = window === this.window + 1 ? this.settledCount : 0;
    this.settledCount = 0;
    this.window = window;
  }
}
