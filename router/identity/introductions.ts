/**
 * The introductions that are known: those of routers that are believed, and a few of others, who may be believed soon. One that is not
 * repeated is forgotten. One of a lower sequence than what is known of the same pair changes nothing, nor does one of a lower sequence than
 * its maker had come to a lease ago, since all that it still says has been repeated: so none can be played again, also of a pair that was
 * forgotten.
 */
import type { ReadIntroduction } from './introduction.ts';
import { INTRODUCTION_LEASE_MS, INTRODUCTIONS_MAX, UNBELIEVED_MAX } from './limits.ts';
import { beliefKey } from './trust.ts';

export interface Kept extends ReadIntroduction {
  /** The connection that it came by; 0: made here. */
  readonly from: number;
  readonly until: number;
}

/** How far the maker of introductions has come. */
interface Progress {
  highest: number;
  /** What it had come to when `highest` was last looked at, a lease ago at most. */
  marked: number;
  markedAt: number;
  /** No sequence up to this is news. */
  floor: number;
}

export class Introductions {
  /** By who makes them (`beliefKey`), then by router. Signatures are good. */
  private readonly kept = new Map<string, Map<string, Kept>>();
  private keptCount = 0;
  /** By who makes them; who was heard last stands at the end. */
  private readonly progress = new Map<string, Progress>();
  /** Of whom nothing is known yet: by connection, in the order in which they came. */
  private readonly waiting = new Map<number, ReadIntroduction[]>();
  /** What found no room. */
  droppedCount = 0;

  get count(): number {
    return this.keptCount;
  }

  by(router: string, key: string): Iterable<Kept> {
    return this.kept.get(beliefKey(router, key))?.values() ?? [];
  }

  *all(): Iterable<Kept> {
    for (const kept of this.kept.values()) yield* kept.values();
  }

  isNews({ by, byKey, of, sequence }: ReadIntroduction): boolean {
    const source = beliefKey(by, byKey);
    const known = this.kept.get(source)?.get(of.router)?.sequence ?? NOTHING;
    return sequence > Math.max(known, this.progress.get(source)?.floor ?? NOTHING);
  }

  /**
   * This router's own find room whatever others tell: it has as many as neighbours.
   * @returns whether it says something else than what it takes the place of; undefined when there is no room
   */
  keep(introduction: ReadIntroduction, from: number, now: number): (Kept & { isChange: boolean }) | undefined {
    const { by, byKey, of, gone } = introduction;
    const source = beliefKey(by, byKey);
    const known = this.kept.get(source) ?? new Map<string, Kept>();
    const before = known.get(of.router);
    if (before === undefined && from !== 0 && this.keptCount >= INTRODUCTIONS_MAX) {
      this.droppedCount++;
      return undefined;
    }
    if (before === undefined) this.keptCount++;
    const kept = { ...introduction, from, until: now + INTRODUCTION_LEASE_MS };
    this.kept.set(source, known.set(of.router, kept));
    this.heard(source, introduction.sequence, now);
    const isSame = before !== undefined && before.gone === gone && JSON.stringify(before.of) === JSON.stringify(of);
    return { ...kept, isChange: !isSame };
  }

  wait(introduction: ReadIntroduction, from: number): void {
    const waiting = this.waiting.get(from) ?? [];
    if (waiting.length >= UNBELIEVED_MAX) {
      waiting.shift();
      this.droppedCount++;
    }
    waiting.push(introduction);
    this.waiting.set(from, waiting);
  }

  /** Those that wait and whose makers are believed now: they wait no more. */
  takeWaiting(
    isBelieved: (router: string, key: string) => boolean,
  ): { introduction: ReadIntroduction; from: number }[] {
    const taken: { introduction: ReadIntroduction; from: number }[] = [];
    for (const [from, waiting] of this.waiting) {
      const rest: ReadIntroduction[] = [];
      for (const introduction of waiting) {
        if (isBelieved(introduction.by, introduction.byKey)) taken.push({ introduction, from });
        else rest.push(introduction);
      }
      if (rest.length === 0) this.waiting.delete(from);
      else this.waiting.set(from, rest);
    }
    return taken;
  }

  /** What waits of a connection that is gone is forgotten; what was believed stays. */
  closed(connection: number): void {
    this.waiting.delete(connection);
  }

  /** @returns whether one was forgotten that said something */
  expire(now: number): boolean {
    let hasChanged = false;
    for (const [source, kept] of this.kept) {
      const progress = this.progress.get(source);
      for (const [router, { until, gone, sequence }] of kept) {
        if (until > now) continue;
        kept.delete(router);
        if (progress) progress.floor = Math.max(progress.floor, sequence);
        this.keptCount--;
        hasChanged ||= !gone;
      }
      if (kept.size === 0) this.kept.delete(source);
    }
    for (const progress of this.progress.values()) {
      if (now - progress.markedAt < INTRODUCTION_LEASE_MS) continue;
      progress.floor = Math.max(progress.floor, progress.marked);
      progress.marked = progress.highest;
      progress.markedAt = now;
    }
    return hasChanged;
  }

  private heard(source: string, sequence: number, now: number): void {
    const progress = this.progress.get(source) ?? { highest: NOTHING, marked: NOTHING, markedAt: now, floor: NOTHING };
    progress.highest = Math.max(progress.highest, sequence);
    this.progress.delete(source);
    this.progress.set(source, progress);
    const [oldest] = this.progress.keys();
    if (this.progress.size > INTRODUCTIONS_MAX) this.progress.delete(oldest!);
  }
}

/** Below every sequence. */
const NOTHING = -1;
