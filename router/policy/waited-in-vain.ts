/**
 * What did not become known in time, of a client's address or of a router: who comes from there again need not wait again. Pure.
 */
import { IDENTITY_KNOWN_UNKNOWN_MS, IDENTITY_UNKNOWN_MAX } from './limits.ts';

export class WaitedInVain {
  /** Until when, ms. */
  private readonly until = new Map<string, number>();

  has(what: string, now: number): boolean {
    const until = this.until.get(what);
    if (until === undefined) return false;
    if (until > now) return true;
    this.until.delete(what);
    return false;
  }

  add(what: string, now: number): void {
    if (this.until.size >= IDENTITY_UNKNOWN_MAX) this.until.clear();
    this.until.set(what, now + IDENTITY_KNOWN_UNKNOWN_MS);
  }
}
