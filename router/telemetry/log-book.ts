/**
 * The log as the router remembers it: its last entries (management's GET-LOG), counts a module and level (`logStats`), and
 * listeners (vanflow's LOG records). Pure: times come with the entries.
 *
 * Not here: writing lines anywhere, and which levels of a module are on (`io/log-writer.ts`); only what passed comes here. The
 * number of entries and their length are bounded, so a chatty module costs no memory.
 */

export type BookLevel = 'debug' | 'info' | 'warning' | 'error' | 'critical';

export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly module: string;
  readonly level: BookLevel;
  /** Message and fields on one line, without secrets. */
  readonly text: string;
}

export type LevelCounts = Readonly<Record<BookLevel, number>>;

/** Entries that are remembered, as many as skupper-router does. */
export const LOG_ENTRY_COUNT_MAX = 1000;
/** Characters of an entry's text; what is longer is cut. */
export const LOG_TEXT_LENGTH_MAX = 2047;

export class LogBook {
  private readonly ring: LogEntry[] = [];
  /** Where the oldest entry stands once the ring is full. */
  private oldest = 0;
  private readonly modules = new Map<string, Record<BookLevel, number>>();
  private readonly total = noCounts();
  private readonly listeners = new Set<(entry: LogEntry) => void>();

  add(entry: LogEntry): void {
    const { text } = entry;
    const kept = text.length <= LOG_TEXT_LENGTH_MAX ? entry : { ...entry, text: text.slice(0, LOG_TEXT_LENGTH_MAX) };
    if (this.ring.length < LOG_ENTRY_COUNT_MAX) {
      this.ring.push(kept);
    } else {
      this.ring[this.oldest] = kept;
      this.oldest = (this.oldest + 1) % LOG_ENTRY_COUNT_MAX;
    }
    this.countsOf(entry.module)[entry.level]++;
    this.total[entry.level]++;
    for (const listener of this.listeners) listener(kept);
  }

  /** The last `limit` entries, the oldest first; all that are remembered when `limit` is negative. */
  recent(limit: number): readonly LogEntry[] {
    const inOrder = [...this.ring.slice(this.oldest), ...this.ring.slice(0, this.oldest)];
    return limit < 0 ? inOrder : inOrder.slice(Math.max(0, inOrder.length - limit));
  }

  /** How many entries there were since the start, of one module or of all. */
  stats(module?: string): LevelCounts {
    return module === undefined ? this.total : (this.modules.get(module) ?? NO_COUNTS);
  }

  /** Calls `listener` with each new entry until the returned function is called. A listener must not log. */
  listen(listener: (entry: LogEntry) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private countsOf(module: string): Record<BookLevel, number> {
    let counts = this.modules.get(module);
    if (counts === undefined) {
      counts = noCounts();
      this.modules.set(module, counts);
    }
    return counts;
  }
}

function noCounts(): Record<BookLevel, number> {
  return { debug: 0, info: 0, warning: 0, error: 0, critical: 0 };
}

const NO_COUNTS: LevelCounts = Object.freeze(noCounts());
