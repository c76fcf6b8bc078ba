/** Counts wrong tries by key (a grant, an address) in windows of time; past the limit the key must wait for its window to end. Pure. */

const KEYS_MAX = 10_000;

export interface WrongTriesOptions {
  countMax: number;
  windowMs: number;
}

export class WrongTries {
  readonly #options: WrongTriesOptions;
  /** In order of `since`, the oldest first. */
  readonly #windows = new Map<string, { since: number; count: number }>();

  constructor(options: WrongTriesOptions) {
    this.#options = options;
  }

  note(key: string, now: number): void {
    const window = this.#windows.get(key);
    if (window && now - window.since < this.#options.windowMs) {
      window.count += 1;
      return;
    }
    this.#windows.delete(key);
    this.#windows.set(key, { since: now, count: 1 });
    if (this.#windows.size > KEYS_MAX) this.#windows.delete(this.#windows.keys().next().value!);
  }

  /** The try noted at that time was none. */
  takeBack(key: string, notedAt: number): void {
    const window = this.#windows.get(key);
    if (window && window.since <= notedAt) window.count -= 1;
  }

  /** How long `key` must wait; 0 when it may try. */
  waitMs(key: string, now: number): number {
    const window = this.#windows.get(key);
    if (!window || window.count < this.#options.countMax) return 0;
    return Math.max(0, window.since + this.#options.windowMs - now);
  }
}
