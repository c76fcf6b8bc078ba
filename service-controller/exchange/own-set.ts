/**
 * What this cluster has told: its entries with the sequence number of their last change, and those removed, so that a delta since
 * any number can be made without a log. Pure.
 *
 * Invariant: a delta from `n` holds the present value of all that changed after `n`, so it leads from any state since `n` to
 * the present one.
 */
import { hashOf, hashText, type OwnEntry } from './entries.ts';
import { LIMITS } from './limits.ts';
import { changesText, encodeUpdate, type Head } from './messages.ts';
import type { Traces } from './traces.ts';

interface ToldEntry extends OwnEntry {
  hash: bigint;
  seq: number;
}

/** Several who ask are at the same few states. */
const UPDATES_KEPT = 8;

export class OwnSet {
  /** Of the last change; 0 before anything was told. */
  seq = 0;
  private told = new Map<string, ToldEntry>();
  private readonly removed = new Map<string, number>();
  /** Deltas can be made since then. */
  private floor = 0;
  private hashBits = 0n;
  /** Of the present state. */
  private readonly made = new Map<string, string[]>();

  get entries(): ReadonlyMap<string, OwnEntry> {
    return this.told;
  }

  get hash(): string {
    return hashText(this.hashBits);
  }

  /** True when something changed; `seq` is one higher then. */
  tell(entries: ReadonlyMap<string, OwnEntry>): boolean {
    const seq = this.seq + 1;
    const told = new Map<string, ToldEntry>();
    let isChanged = false;
    for (const [key, entry] of entries) {
      const before = this.told.get(key);
      const isSame = before?.text === entry.text;
      told.set(key, isSame ? before : { ...entry, hash: hashOf(key, entry.text), seq });
      if (isSame) continue;
      isChanged = true;
      this.removed.delete(key);
    }
    for (const key of this.told.keys()) {
      if (told.has(key)) continue;
      isChanged = true;
      this.removed.delete(key);
      this.removed.set(key, seq);
    }
    if (!isChanged) return false;
    this.told = told;
    this.made.clear();
    this.seq = seq;
    this.hashBits = 0n;
    for (const { hash } of told.values()) this.hashBits ^= hash;
    this.forget();
    return true;
  }

  /** Where an answer to one who knows the state `seq` begins: there, or at -1 when that is too long ago. */
  startFor(seq: number): number {
    return seq < this.floor || seq > this.seq ? -1 : seq;
  }

  /**
   * The messages that lead from the state `from` to the present one; -1 is from anything.
   * @param traces what led to the last changes
   */
  update(head: Head, from: number, traces?: Traces): string[] {
    const isLed = traces !== undefined && traces.size > 0;
    const name = `${head.instance} ${from} ${this.seq}`;
    const known = isLed ? undefined : this.made.get(name);
    if (known !== undefined) return known;
    const changed = [...this.told].filter(([, { seq }]) => seq > from);
    const removed = from < 0 ? [] : [...this.removed].filter(([, seq]) => seq > from);
    const changes = changesText(
      changed.map(([key, { text }]) => [key, text]),
      removed.map(([key]) => key),
    );
    const led = isLed && { traces: Object.fromEntries(traces) };
    const texts = encodeUpdate(head, { from, to: this.seq, hash: this.hash, ...led }, changes);
    if (isLed) return texts;
    if (this.made.size >= UPDATES_KEPT) this.made.clear();
    this.made.set(name, texts);
    return texts;
  }

  private forget(): void {
    for (const [key, seq] of this.removed) {
      if (this.removed.size <= LIMITS.removedCountMax) return;
      this.removed.delete(key);
      this.floor = seq;
    }
  }
}
