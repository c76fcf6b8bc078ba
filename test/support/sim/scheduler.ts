/** Virtual time: callbacks in the order of their times, those of one time in the order they were asked for. */
export class Scheduler {
  now = 0;
  #count = 0;
  /** A binary heap by (at, order). */
  readonly #heap: Entry[] = [];

  at(time: number, run: () => void): void {
    const heap = this.#heap;
    let child = heap.length;
    const entry = { at: Math.max(time, this.now), order: this.#count++, run };
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!isBefore(entry, heap[parent] as Entry)) break;
      heap[child] = heap[parent] as Entry;
      child = parent;
    }
    heap[child] = entry;
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.now + delayMs, run);
  }

  /** Runs all that is due up to `time` and leaves the clock there. */
  runUntil(time: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= time; next = this.#heap[0]) {
      this.#pop();
      this.now = next.at;
      next.run();
    }
    this.now = time;
  }

  runFor(durationMs: number): void {
    this.runUntil(this.now + durationMs);
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let hole = 0;
    for (let child = 1; child < heap.length; child = 2 * hole + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!isBefore(heap[child] as Entry, last)) break;
      heap[hole] = heap[child] as Entry;
      hole = child;
    }
    heap[hole] = last;
  }
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
