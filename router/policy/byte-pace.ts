/**
 * Octets a second that several connections share, both directions together. Who carries some when there are none left stands still until its
 * turn comes: clients take turns, so that one with many connections gets no more than one with few. Pure.
 *
 * A read of a socket is never cut: what it takes too much is a debt that all wait for. So the rate holds over time, not in each moment.
 */
import { FairQueue } from './fair-queue.ts';
import { TokenBucket } from './token-bucket.ts';

export interface Paced {
  /** Those of one client wait behind each other. */
  readonly client: string;
  /** Its turn has come. */
  goOn(): void;
}

/** What may come at once after a pause, and how long one that has its turn and nothing to say keeps the others waiting, in seconds' worth. */
const BURST_SECONDS = 0.25;
const TURN_SECONDS = 0.02;
/** No sooner is looked again, ms. */
const TURN_MS_MIN = 1;

export class BytePace {
  /** When the next turn is, ms; Infinity while nobody waits. */
  deadline = Number.POSITIVE_INFINITY;
  private readonly bucket: TokenBucket;
  private turnBytes: number;
  private readonly queue = new FairQueue<Paced>();

  constructor(bytesPerSecond: number, now: number) {
    this.bucket = new TokenBucket(bytesPerSecond, bytesPerSecond * BURST_SECONDS, now);
    this.turnBytes = bytesPerSecond * TURN_SECONDS;
  }

  adjust(bytesPerSecond: number, now: number): void {
    this.bucket.adjust(bytesPerSecond, bytesPerSecond * BURST_SECONDS, now);
    this.turnBytes = bytesPerSecond * TURN_SECONDS;
    if (this.queue.size > 0) this.deadline = this.nextTurn(now);
  }

  get waitingCount(): number {
    return this.queue.size;
  }

  isIdle(now: number): boolean {
    return this.queue.size === 0 && this.bucket.isFull(now);
  }

  /** It has carried so many. @returns false when it is to stand still until `goOn` */
  carried(flow: Paced, bytes: number, now: number): boolean {
    this.bucket.take(bytes, now);
    if (this.queue.size === 0 && this.bucket.available(now) > 0) return true;
    this.queue.push(flow.client, flow);
    if (this.deadline === Number.POSITIVE_INFINITY) this.deadline = this.nextTurn(now);
    return false;
  }

  /** It is over, or waits no longer. */
  gone(flow: Paced): void {
    this.queue.remove(flow.client, flow);
    if (this.queue.size === 0) this.deadline = Number.POSITIVE_INFINITY;
  }

  tick(now: number): void {
    if (now < this.deadline) return;
    let room = this.bucket.available(now);
    while (room > 0) {
      const next = this.queue.shift();
      if (next === undefined) break;
      room -= this.turnBytes;
      next.goOn();
    }
    this.deadline = this.queue.size > 0 ? this.nextTurn(now) : Number.POSITIVE_INFINITY;
  }

  /** There is no limit any more. */
  open(): void {
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) next.goOn();
    this.deadline = Number.POSITIVE_INFINITY;
  }

  /** Those whose turn it was have a moment to use it before others come in. */
  private nextTurn(now: number): number {
    return Math.max(this.bucket.readyAt(this.turnBytes, now), now + TURN_MS_MIN);
  }
}
