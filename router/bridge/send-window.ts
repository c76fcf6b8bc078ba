/**
 * How much of one direction of a flow may be under way: read from this end's socket and not yet written to the other's.
 *
 * Towards an original router it is Skupper's constant (wire reference 6.6). Between two of ours it follows what the path
 * bears: twice the delivery rate times the least round trip, so that the path is always full and what waits in buffers on the way stays
 * short. It begins at the constant and doubles with each round trip in which the window is what limits, as long as the rate still grows;
 * a reader that is slow, and other flows on the same path, make it smaller. The other end's offer and this router's budget bound it.
 *
 * It is pure: it knows totals of octets and times. A round trip is measured from one octet: when it is sent, and when it is
 * acknowledged; waiting for the reader is in it, so the least counts. Invariants: acknowledgedBytes <= sentBytes; what is
 * unacknowledged is in the budget, until `close`.
 */
import {
  FLOW_SHARE_BYTES_MIN,
  FLOW_WINDOW_BYTES,
  FLOW_WINDOW_BYTES_LOW,
  FLOW_WINDOW_BYTES_MAX,
} from '../core/limits.ts';
import type { FlowBudget } from './flow-budget.ts';

/** Round trips are taken for no shorter than that, ms: a process that waits for a processor must not be missed in the pipe. */
const ROUND_TRIP_MS_MIN = 1;
/** The window is so many times what the path holds. */
const GAIN = 2;
/** The rate still grows when it does by this factor; after so many without, the path is full. */
const GROWTH = 1.25;
const FLAT_COUNT_MAX = 3;
/** A rate is measured over whole round trips, and no shorter time than that: flows that take turns are all fast for a moment. */
const RATE_MS_MIN = 20;
/** The best of between so many and twice as many rates counts, and of no longer time than twice this. */
const RATE_COUNT = 8;
const RATE_MS = 2000;
/**
 * A least round trip that was seen longer ago is measured again, with a part of the window for that time: so small that no more than half
 * of what the path holds is under way, or that it becomes so when this is done again.
 */
const ROUND_TRIP_AGE_MS_MAX = 10_000;
const PROBE_ROUNDS = 2;
const PROBE_PART = 1 / 4;

export class SendWindow {
  sentBytes = 0;
  acknowledgedBytes = 0;
  private budget: FlowBudget | undefined;
  private offerBytes = Number.POSITIVE_INFINITY;
  private windowBytes = FLOW_WINDOW_BYTES;

  /** The round trip that is being measured: up to this octet, since when; and whether there was more to send. */
  private roundEnd = -1;
  private roundAt = 0;
  private waited = false;
  /** The rate that is being measured: since when, acknowledged then; whether there was more to send in each round trip, and whether the window
   * was once in the way. */
  private rateAt = -1;
  private rateAcknowledged = 0;
  private rateWaited = true;
  private limited = false;

  private growing = true;
  private flatCount = 0;
  private probeRounds = 0;
  private leastMs = Number.POSITIVE_INFINITY;
  private leastAt = 0;
  /** Octets per ms: the best of the present rounds and of those before. */
  private rate = 0;
  private rateBefore = 0;
  private rateCount = 0;
  private ratesSince = 0;

  /** The other end is one of ours: from here on the window follows the path. @param offerBytes what it can take, 0 when it does not say */
  tune(budget: FlowBudget, offerBytes: number): void {
    if (this.budget !== undefined) return;
    this.budget = budget;
    budget.take(this.unacknowledgedBytes);
    if (offerBytes > 0) this.offerBytes = offerBytes;
  }

  get tuned(): boolean {
    return this.budget !== undefined;
  }

  get unacknowledgedBytes(): number {
    return this.sentBytes - this.acknowledgedBytes;
  }

  /** Octets that may be unacknowledged. */
  get bytes(): number {
    if (this.budget === undefined) return FLOW_WINDOW_BYTES;
    let bytes =
      this.probeRounds > 0 ? Math.max(this.windowBytes * PROBE_PART, FLOW_WINDOW_BYTES_LOW) : this.windowBytes;
    if (bytes > this.offerBytes) bytes = this.offerBytes;
    const { shareBytes } = this.budget;
    if (bytes > shareBytes) bytes = shareBytes;
    return bytes > FLOW_SHARE_BYTES_MIN ? bytes : FLOW_SHARE_BYTES_MIN;
  }

  get full(): boolean {
    return this.sentBytes - this.acknowledgedBytes >= this.bytes;
  }

  /** @param total octets sent since the flow began */
  sent(total: number, now: number): void {
    const { budget } = this;
    if (budget === undefined) {
      this.sentBytes = total;
      return;
    }
    budget.take(total - this.sentBytes);
    if (this.roundEnd < 0) {
      this.roundEnd = total;
      this.roundAt = now;
      this.waited = false;
      // Time in which there was nothing to send is not the path's.
      if (this.rateAt < 0 || this.unacknowledgedBytes === 0) {
        this.rateAt = now;
        this.rateAcknowledged = this.acknowledgedBytes;
        this.rateWaited = true;
        this.limited = false;
      }
    }
    this.sentBytes = total;
    if (!this.full) return;
    this.waited = true;
    this.limited = true;
  }

  /** There is more to send, but something else is in the way: this end's link. */
  held(): void {
    this.waited = true;
  }

  /**
   * @param offset octets that the other end has written since the flow began
   * @param offerKib what it can take, 0 when it does not say
   * @returns whether that is news
   */
  acknowledged(offset: number, offerKib: number, now: number): boolean {
    if (!(offset > this.acknowledgedBytes && offset <= this.sentBytes)) return false;
    if (this.budget !== undefined) {
      this.budget.give(offset - this.acknowledgedBytes);
      if (offerKib > 0) this.offerBytes = offerKib * 1024;
    }
    this.acknowledgedBytes = offset;
    if (this.roundEnd >= 0 && offset >= this.roundEnd) this.endRound(now);
    return true;
  }

  /** The flow goes on over another path: what was measured counts no more. */
  restart(): void {
    this.roundEnd = -1;
    this.growing = true;
    this.flatCount = 0;
    this.probeRounds = 0;
    this.leastMs = Number.POSITIVE_INFINITY;
    this.forgetRates();
    this.windowBytes = FLOW_WINDOW_BYTES;
  }

  /** Nothing is under way any more, or nobody will say. */
  close(): void {
    this.budget?.give(this.unacknowledgedBytes);
    this.acknowledgedBytes = this.sentBytes;
    this.roundEnd = -1;
  }

  private endRound(now: number): void {
    this.roundEnd = -1;
    this.measureRoundTrip(Math.max(now - this.roundAt, CLOCK_MS), now);
    this.rateWaited &&= this.waited;
    if (this.rateAt >= 0 && now - this.rateAt >= RATE_MS_MIN) this.measureRate(now);
  }

  private measureRate(now: number): void {
    const rate = (this.acknowledgedBytes - this.rateAcknowledged) / (now - this.rateAt);
    this.rateAt = -1;
    const best = Math.max(this.rate, this.rateBefore);
    // A sender with little to send says nothing of the path, unless it is more than was known.
    if (!this.rateWaited) {
      if (rate > best) this.rate = rate;
      return;
    }
    this.rate = Math.max(this.rate, rate);
    if (++this.rateCount >= RATE_COUNT || now - this.ratesSince >= RATE_MS) {
      this.rateCount = 0;
      this.ratesSince = now;
      this.rateBefore = this.rate;
      this.rate = 0;
    }
    if (this.growing) this.grow(rate, best);
    else this.follow();
  }

  private measureRoundTrip(tookMs: number, now: number): void {
    const isProbed = this.probeRounds === 1 && this.waited;
    if (tookMs <= this.leastMs || isProbed) {
      this.leastMs = tookMs;
      this.leastAt = now;
    }
    // Rates of before belong to the round trip of before: what they make together the path has never held.
    if (isProbed) this.forgetRates();
    if (!this.waited) return;
    if (this.probeRounds > 0) this.probeRounds--;
    else if (!this.growing && now - this.leastAt > ROUND_TRIP_AGE_MS_MAX) this.probeRounds = PROBE_ROUNDS;
  }

  private forgetRates(): void {
    this.rateAt = -1;
    this.rate = 0;
    this.rateBefore = 0;
    this.rateCount = 0;
  }

  private grow(rate: number, best: number): void {
    if (this.limited && rate >= best * GROWTH) {
      this.flatCount = 0;
      this.windowBytes = Math.min(this.windowBytes * 2, FLOW_WINDOW_BYTES_MAX);
    } else if (++this.flatCount >= FLAT_COUNT_MAX) {
      this.growing = false;
      this.follow();
    }
  }

  private follow(): void {
    const pathMs = Math.max(this.leastMs, ROUND_TRIP_MS_MIN);
    const wanted = Math.floor(GAIN * Math.max(this.rate, this.rateBefore) * pathMs);
    // Not too fast down: a round that the reader, or a processor, was away for is one of many.
    const bytes = Math.max(wanted, this.windowBytes - this.windowBytes / 4);
    this.windowBytes = Math.min(Math.max(bytes, FLOW_WINDOW_BYTES_LOW), FLOW_WINDOW_BYTES_MAX);
  }
}

/** What two readings of a clock may differ by without that meaning anything, ms. */
const CLOCK_MS = 0.01;
