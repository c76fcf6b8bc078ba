/**
 * What the connections share that one Limit rule matches: how many may come in a second, and how many there may be. Who finds no place waits
 * in a queue of bounded length for a bounded time, whose clients take turns. Pure.
 *
 * Invariants: `inUse` counts exactly those that were let in and have not left; nobody passes those who wait; who waits is told exactly
 * once, by `granted` or by `refused`, unless it leaves first.
 */
import type { Limits } from '../../lib/policy/types.ts';
import { BytePace } from './byte-pace.ts';
import { FairQueue } from './fair-queue.ts';
import { TokenBucket } from './token-bucket.ts';

export interface Waiter {
  /** Those of one client wait behind each other. */
  readonly client: string;
  granted(now: number): void;
  /** It has waited as long as it may. */
  refused(): void;
}

export type Answer = 'granted' | 'waits' | 'refused';

export class Measure {
  inUse = 0;
  private limits: Limits;
  private rate: TokenBucket | undefined;
  private bytes: BytePace | undefined;
  private readonly queue = new FairQueue<Waiter>();
  /** Until when each waits, in the order in which they came, ms. */
  private readonly waiting = new Map<Waiter, number>();

  constructor(limits: Limits, now: number) {
    this.limits = limits;
    this.adjust(limits, now);
  }

  /** From now on; who is in stays, and who waits finds room as there is some at the next tick. */
  adjust(limits: Limits, now: number): void {
    this.limits = limits;
    const { connectionsPerSecond, connectionsBurst, bytesPerSecond } = limits;
    if (connectionsPerSecond === undefined) this.rate = undefined;
    else {
      const burst = connectionsBurst ?? Math.max(1, Math.ceil(connectionsPerSecond));
      if (this.rate === undefined) this.rate = new TokenBucket(connectionsPerSecond, burst, now);
      else this.rate.adjust(connectionsPerSecond, burst, now);
    }
    if (bytesPerSecond === undefined) {
      this.bytes?.open();
      this.bytes = undefined;
    } else if (this.bytes === undefined) this.bytes = new BytePace(bytesPerSecond, now);
    else this.bytes.adjust(bytesPerSecond, now);
  }

  /** Of those that carry octets; undefined where their rate has no limit. */
  get pace(): BytePace | undefined {
    return this.bytes;
  }

  get queuedCount(): number {
    return this.waiting.size;
  }

  /** Nobody waits. */
  get isCalm(): boolean {
    return this.waiting.size === 0 && !(this.bytes !== undefined && this.bytes.waitingCount > 0);
  }

  /** Nobody is in it and nothing is remembered: it can be made anew when it is needed. */
  isIdle(now: number): boolean {
    const isQuiet = this.inUse === 0 && this.waiting.size === 0 && this.bytes?.isIdle(now) !== false;
    return isQuiet && this.rate?.isFull(now) !== false;
  }

  ask(waiter: Waiter, now: number): Answer {
    if (this.lets(now)) return 'granted';
    const { length = 0, seconds = 0 } = this.limits.queue ?? {};
    if (length === 0 || seconds <= 0) return 'refused';
    if (this.waiting.size >= length && !this.makesRoom(waiter)) return 'refused';
    this.waiting.set(waiter, now + seconds * 1000);
    this.queue.push(waiter.client, waiter);
    return 'waits';
  }

  /** Lets one in who does not wait. @returns whether there is room */
  lets(now: number): boolean {
    if (this.waiting.size > 0 || !this.hasRoom(now)) return false;
    this.enter(now);
    return true;
  }

  /** Who has most waiting gives a place to one who has less, or nobody else would ever find one. */
  private makesRoom({ client }: Waiter): boolean {
    const last = this.queue.pushOut(client);
    if (last === undefined) return false;
    this.waiting.delete(last);
    last.refused();
    return true;
  }

  /** One that was let in is over. */
  leave(): void {
    this.inUse--;
  }

  /** It waits no longer. */
  gone(waiter: Waiter): void {
    if (this.waiting.delete(waiter)) this.queue.remove(waiter.client, waiter);
  }

  get deadline(): number {
    return Math.min(this.bytes?.deadline ?? Number.POSITIVE_INFINITY, this.nextWaitEnd);
  }

  /** When somebody who waits may be let in, if nobody leaves before, or has waited too long. @param now for the bucket */
  dueAt(now: number): number {
    if (this.waiting.size === 0) return this.deadline;
    const roomAt = this.isFull ? Number.POSITIVE_INFINITY : (this.rate?.readyAt(1, now) ?? now);
    return Math.min(this.deadline, roomAt);
  }

  tick(now: number): void {
    this.bytes?.tick(now);
    while (this.waiting.size > 0 && this.hasRoom(now)) {
      const next = this.queue.shift()!;
      this.waiting.delete(next);
      this.enter(now);
      next.granted(now);
    }
    for (const [waiter, until] of this.waiting) {
      if (until > now) break;
      this.gone(waiter);
      waiter.refused();
    }
  }

  private get nextWaitEnd(): number {
    for (const until of this.waiting.values()) return until;
    return Number.POSITIVE_INFINITY;
  }

  private get isFull(): boolean {
    return this.inUse >= (this.limits.concurrentConnections ?? Number.POSITIVE_INFINITY);
  }

  private hasRoom(now: number): boolean {
    return !this.isFull && (this.rate === undefined || this.rate.readyAt(1, now) <= now);
  }

  private enter(now: number): void {
    this.inUse++;
    this.rate?.take(1, now);
  }
}
