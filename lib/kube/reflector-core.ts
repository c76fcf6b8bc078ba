/**
 * Keeps a copy of the objects of one kind: list, then watch from there, for ever. Pure: is told what came, answers what to do next.
 *
 * Invariants: `onChange` is told of each difference between one state of the copy and the next, once and in order. A watch goes on
 * from the last event or bookmark; only a server that no longer keeps that point, is silent twice or talks nonsense costs another
 * list. Failures wait longer each time, until a watch is heard of again: a list alone proves nothing.
 */
import { Backoff } from '../backoff.ts';
import type { Random } from '../random.ts';
import type { KubeList } from './client.ts';
import { ApiError } from './errors.ts';
import type { KubeObject } from './object.ts';
import { ObjectStore } from './object-store.ts';
import type { WatchEvent } from './watch-lines.ts';

export interface ReflectorCoreOptions {
  random: Random;
  /** The kind may be missing, or be none of our business (403): it counts as empty and is looked for again. */
  isOptional?: boolean;
  /** What is kept of each object. */
  transform?: (object: KubeObject) => KubeObject;
  onChange?: (before: KubeObject | undefined, after: KubeObject | undefined) => void;
}

export type ReflectorStep =
  | { do: 'list'; continue: string | undefined }
  | { do: 'watch'; resourceVersion: string; timeoutSeconds: number }
  | { do: 'wait'; untilMs: number };

/** A server says something each minute. Dead connections are found sooner, by the probes of TCP. */
export const SILENCE_MAX_MS = 90_000;
const ABSENT_RETRY_MS = 30_000;
const RETRY_INITIAL_MS = 100;
const RETRY_MAX_MS = 5000;
/** A watch that lived that long did its work, whatever ended it. */
const WATCH_GOOD_MS = 5000;
/** As client-go asks for: long enough to be cheap, and not all at once. */
const WATCH_SECONDS_MIN = 300;
/** Watches that fail in a row before everything is listed anew. */
const WATCH_FAILURES_MAX = 3;
const SILENCES_MAX = 2;

export class ReflectorCore {
  readonly store = new ObjectStore();
  private readonly options: ReflectorCoreOptions;
  private readonly backoff: Backoff;
  private phase: 'list' | 'watch' = 'list';
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private resourceVersion = '';
  private page: { continue: string | undefined; seen: Set<string> } = { continue: undefined, seen: new Set() };
  private watchingSinceMs = 0;
  private watchFailureCount = 0;
  private silenceCount = 0;
  private heardAtMs_ = Number.NEGATIVE_INFINITY;
  private state: 'unknown' | 'present' | 'absent' = 'unknown';

  constructor(options: ReflectorCoreOptions) {
    this.options = options;
    this.backoff = new Backoff(options.random, { initialMs: RETRY_INITIAL_MS, maxMs: RETRY_MAX_MS });
  }

  /** Everything was seen once, or the kind is missing. */
  get isSynced(): boolean {
    return this.state !== 'unknown';
  }

  get isPresent(): boolean {
    return this.state === 'present';
  }

  /** When the server last said anything. */
  get heardAtMs(): number {
    return this.heardAtMs_;
  }

  get failureCount(): number {
    return this.backoff.attemptCount;
  }

  /** When a watch that says nothing is to be cut. */
  get silentAtMs(): number {
    return Math.max(this.heardAtMs_, this.watchingSinceMs) + SILENCE_MAX_MS;
  }

  next(nowMs: number): ReflectorStep {
    if (nowMs < this.notBeforeMs) return { do: 'wait', untilMs: this.notBeforeMs };
    if (this.phase === 'list') return { do: 'list', continue: this.page.continue };
    this.watchingSinceMs = nowMs;
    const timeoutSeconds = Math.round(WATCH_SECONDS_MIN * (1 + this.options.random.next()));
    return { do: 'watch', resourceVersion: this.resourceVersion, timeoutSeconds };
  }

  /** Waits no longer: there is reason to think that it works now, or that the kind is there. */
  hurry(): void {
    if (this.state === 'absent') this.notBeforeMs = Number.NEGATIVE_INFINITY;
  }

  /** A page of a list came. */
  listed(list: KubeList, nowMs: number): void {
    this.heardAtMs_ = nowMs;
    for (const item of list.items) {
      this.page.seen.add(keyOf(item));
      this.put(item);
    }
    this.page.continue = list.continue;
    if (list.continue !== undefined) return;
    for (const object of [...this.store.list()]) if (!this.page.seen.has(keyOf(object))) this.remove(object);
    this.relist();
    this.phase = 'watch';
    this.state = 'present';
    this.resourceVersion = list.resourceVersion;
  }

  /** Events of the watch came. */
  watched(events: readonly WatchEvent[], nowMs: number): void {
    this.heardAtMs_ = nowMs;
    this.settle();
    for (const { type, object } of events) {
      if (type === 'DELETED') this.remove(object);
      else if (type !== 'BOOKMARK') this.put(object);
      this.resourceVersion = object.metadata.resourceVersion ?? this.resourceVersion;
    }
  }

  /** The watch ended as watches do. */
  ended(nowMs: number): void {
    if (nowMs - this.watchingSinceMs >= WATCH_GOOD_MS) this.settle();
    else this.retryLater(nowMs, 0);
  }

  /** The watch was cut because nothing came. */
  silent(): void {
    this.silenceCount += 1;
    if (this.silenceCount >= SILENCES_MAX) this.relist();
  }

  /** The list or the watch failed. */
  failed(error: unknown, nowMs: number): void {
    const status = error instanceof ApiError ? error.status : 0;
    if (this.options.isOptional && (status === 404 || status === 403)) {
      this.missing(nowMs);
      return;
    }
    if (error instanceof ApiError && error.isGone) {
      this.relist();
      // One list at once; a server that forgets faster than we list gets pauses.
      if (this.watchFailureCount++ === 0) return;
    } else if (this.phase === 'watch') {
      if (nowMs - this.watchingSinceMs >= WATCH_GOOD_MS) this.settle();
      this.watchFailureCount += 1;
      if (this.watchFailureCount >= WATCH_FAILURES_MAX || status === 404) this.relist();
    }
    this.retryLater(nowMs, error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0);
  }

  private missing(nowMs: number): void {
    // That there is no such kind is a word too.
    this.heardAtMs_ = nowMs;
    for (const object of [...this.store.list()]) this.remove(object);
    this.relist();
    this.state = 'absent';
    this.notBeforeMs = nowMs + ABSENT_RETRY_MS * (1 + this.options.random.next() / 5);
  }

  private retryLater(nowMs: number, atLeastMs: number): void {
    this.notBeforeMs = nowMs + Math.max(atLeastMs, this.backoff.nextMs());
  }

  /** It works. */
  private settle(): void {
    this.backoff.reset();
    this.watchFailureCount = 0;
    this.silenceCount = 0;
  }

  private relist(): void {
    this.phase = 'list';
    this.page = { continue: undefined, seen: new Set() };
    this.silenceCount = 0;
  }

  private put(object: KubeObject): void {
    const { namespace, name, resourceVersion, uid } = object.metadata;
    const stored = this.store.get(namespace, name);
    if (stored !== undefined && stored.metadata.uid === uid && stored.metadata.resourceVersion === resourceVersion)
      return;
    const kept = this.options.transform?.(object) ?? object;
    // Another object of that name: the old one went unseen.
    if (stored !== undefined && stored.metadata.uid !== uid) this.remove(stored);
    const before = this.store.set(kept);
    this.options.onChange?.(before, kept);
  }

  private remove({ metadata }: KubeObject): void {
    const before = this.store.delete(metadata.namespace, metadata.name);
    if (before !== undefined) this.options.onChange?.(before, undefined);
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
