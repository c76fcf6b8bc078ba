/**
 * Small dense numbers for local things (channels, handles): the lowest freed one is not sought, the last freed one is taken.
 */
export class HandleTable<T> {
  readonly #entries: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** The number that the next `add` will use. */
  get next(): number {
    return this.#free.length > 0 ? (this.#free[this.#free.length - 1] as number) : this.#entries.length;
  }

  get(handle: number): T | undefined {
    return this.#entries[handle];
  }

  add(entry: T): number {
    const handle = this.#free.pop() ?? this.#entries.length;
    this.#entries[handle] = entry;
    return handle;
  }

  remove(handle: number): void {
    if (this.#entries[handle] === undefined) return;
    this.#entries[handle] = undefined;
    this.#free.push(handle);
  }

  *[Symbol.iterator](): Generator<T> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry;
  }
}
