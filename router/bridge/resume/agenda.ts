/**
 * When each paused flow acts next. One deadline for all of them; a flow that is not paused costs nothing here.
 *
 * A transit router that dies pauses thousands of flows at the same moment: they act in batches, so that control and health
 * are answered between. Invariant: a survival is in here exactly as long as it is not `up`.
 */
import { RESUME_BATCH_MAX } from './limits.ts';

export interface Pausing {
  /** When it acts next, ms. */
  dueAt: number;
  /** It waits for an answer, which nothing here makes come sooner. */
  readonly isAsking: boolean;
  act(now: number): void;
}

export class Agenda {
  private readonly pausing = new Set<Pausing>();
  private dueAt = Number.POSITIVE_INFINITY;

  /** Flows that are paused now. */
  get count(): number {
    return this.pausing.size;
  }

  deadline(): number {
    return this.dueAt;
  }

  set(each: Pausing, at: number): void {
    each.dueAt = Math.ceil(at / SLOT_MS) * SLOT_MS;
    this.pausing.add(each);
    if (each.dueAt < this.dueAt) this.dueAt = each.dueAt;
  }

  delete(each: Pausing): void {
    if (this.pausing.delete(each) && this.pausing.size === 0) this.dueAt = Number.POSITIVE_INFINITY;
  }

  tick(now: number): void {
    if (now < this.dueAt) return;
    this.dueAt = Number.POSITIVE_INFINITY;
    let left = RESUME_BATCH_MAX;
    for (const each of this.pausing) {
      if (each.dueAt <= now && left > 0) {
        left--;
        each.act(now);
      }
      // What acts sets its next time here, unless it is over or goes on.
      if (each.dueAt < this.dueAt && this.pausing.has(each)) this.dueAt = each.dueAt;
    }
  }

  /** There may be a way where there was none: whoever waits tries now. */
  hasten(now: number): void {
    for (const each of this.pausing) {
      if (each.isAsking || each.dueAt <= now) continue;
      each.dueAt = now;
      if (now < this.dueAt) this.dueAt = now;
    }
  }
}

/** Times are rounded up to this, so that many that are due at about the same time are one. */
const SLOT_MS = 5;
