/**
 * Finds a grant by its uid at the API server: what a cache has not heard of may be there all the same, and "unknown" is final for
 * whoever redeems its token.
 *
 * An API server has no look-up by uid, so the grants are listed. Whatever is asked for, by however many, that costs it little: one
 * listing at a time answers all who asked before it began, a rest follows, and what is no uid is not looked for. How often one client
 * may ask in vain is bounded elsewhere (redemptions.ts).
 */
import type { Clock } from '../../../lib/clock.ts';
import { pause } from '../../../lib/kube/abort.ts';

export interface GrantPlace {
  uid: string;
  namespace: string;
  name: string;
}

export interface GrantSearchParts {
  /** Where all grants are, from the API server and not from a cache. */
  list(): Promise<readonly GrantPlace[]>;
  clock: Clock;
}

type Places = ReadonlyMap<string, GrantPlace>;

const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** An API server is at work for this in a tenth of the time at most; who redeems a token waits for 10 s. */
const REST_FACTOR = 10;
const REST_MIN_MS = 1000;
const REST_MAX_MS = 5000;
const GONE_MAX = 10_000;

export class GrantSearch {
  private readonly parts: GrantSearchParts;
  private readonly signal: AbortSignal | undefined;
  /** The listing that has not begun; who asks now is answered by it. */
  private next: Promise<Places> | undefined;
  /** Ends with the last listing; never rejects. */
  private last: Promise<unknown> = Promise.resolve();
  private restUntil = Number.NEGATIVE_INFINITY;
  /** Uids of which there was none, the first asked for first: a uid is never given again. */
  private readonly gone = new Set<string>();

  /** No rest is kept after `signal`. */
  constructor(parts: GrantSearchParts, signal?: AbortSignal) {
    this.parts = parts;
    this.signal = signal;
  }

  /** Rejects when the API server could not be asked. */
  async find(uid: string): Promise<GrantPlace | undefined> {
    if (!UID.test(uid) || this.gone.has(uid)) return undefined;
    const place = (await this.listing()).get(uid);
    if (place === undefined) this.noteGone(uid);
    return place;
  }

  private listing(): Promise<Places> {
    if (this.next === undefined) {
      const next = this.last.then(() => this.list());
      this.next = next;
      this.last = next.catch(() => undefined);
    }
    return this.next;
  }

  private async list(): Promise<Places> {
    const { clock, list } = this.parts;
    const restMs = this.restUntil - clock.now();
    if (restMs > 0) await pause(restMs, this.signal);
    this.next = undefined;
    const begunAt = clock.now();
    try {
      return new Map((await list()).map((place) => [place.uid, place]));
    } finally {
      const endedAt = clock.now();
      this.restUntil = endedAt + Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, REST_FACTOR * (endedAt - begunAt)));
    }
  }

  private noteGone(uid: string): void {
    this.gone.add(uid);
    if (this.gone.size > GONE_MAX) this.gone.delete(this.gone.values().next().value!);
  }
}
