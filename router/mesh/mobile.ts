/**
 * Mobile addresses: this router's own with the sequence it numbers their changes by, and those learnt of one other router.
 *
 * No messages are built and none are sent here. Invariant of both: the set is exactly what the sequence number stands
 * for, so a router that holds (seq, set) can apply change seq + 1 and no other (wire reference 3.8).
 */
import { ADDRESSES_PER_ROUTER_MAX } from './limits.ts';
import type { AddressDescriptor, MobileAddressUpdate } from './messages.ts';

export class LocalAddresses {
  seq = 0;
  readonly #wanted = new Map<string, number>();
  /** What stands at `seq`: what others know once they have applied it. */
  readonly #advertised = new Map<string, number>();
  readonly #touched = new Set<string>();

  set(key: string, treatment: number): void {
    this.#wanted.set(key, treatment);
    this.#touched.add(key);
  }

  delete(key: string): void {
    this.#wanted.delete(key);
    this.#touched.add(key);
  }

  /** The changes since the last call under a new sequence number; undefined when they come to nothing. */
  advance(): { add: AddressDescriptor[]; del: string[] } | undefined {
    const add: AddressDescriptor[] = [];
    const del: string[] = [];
    for (const key of this.#touched) {
      const treatment = this.#wanted.get(key);
      if (treatment === this.#advertised.get(key)) continue;
      if (treatment === undefined) {
        del.push(key);
        this.#advertised.delete(key);
      } else {
        add.push({ key, treatment });
        this.#advertised.set(key, treatment);
      }
    }
    this.#touched.clear();
    if (add.length + del.length === 0) return undefined;
    this.seq++;
    return { add, del };
  }

  advertised(): AddressDescriptor[] {
    return Array.from(this.#advertised, ([key, treatment]) => ({ key, treatment }));
  }
}

export interface AddressChange {
  readonly key: string;
  readonly present: boolean;
  readonly treatment?: number;
}

export class RemoteAddresses {
  seq = 0;
  /** Changes refused because the router has too many addresses. */
  refusedCount = 0;
  readonly #known = new Map<string, number | undefined>();

  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  /** 'gap': changes between are missing, ask for all; 'stale': seen before. */
  apply(update: MobileAddressUpdate): AddressChange[] | 'gap' | 'stale' {
    if (update.exist === undefined) {
      if (update.mobileSeq <= this.seq) return 'stale';
      if (update.mobileSeq > this.seq + 1) return 'gap';
    }
    this.seq = update.mobileSeq;
    const changes: AddressChange[] = [];
    for (const key of update.del ?? this.#keysNotIn(update.exist ?? [])) {
      if (this.#known.delete(key)) changes.push({ key, present: false });
    }
    for (const { key, treatment } of update.exist ?? update.add ?? []) {
      if (this.#learn(key, treatment)) changes.push({ key, present: true, treatment });
    }
    return changes;
  }

  /** Forgets all: the router restarted or cannot be reached. */
  flush(): AddressChange[] {
    const changes = Array.from(this.#known.keys(), (key) => ({ key, present: false }));
    this.#known.clear();
    this.seq = 0;
    return changes;
  }

  #keysNotIn(exist: readonly AddressDescriptor[]): string[] {
    const kept = new Set(exist.map(({ key }) => key));
    return [...this.#known.keys()].filter((key) => !kept.has(key));
  }

  #learn(key: string, treatment: number | undefined): boolean {
    const isNew = !this.#known.has(key);
    if (isNew && this.#known.size >= ADDRESSES_PER_ROUTER_MAX) {
      this.refusedCount++;
      return false;
    }
    const isChanged = isNew || this.#known.get(key) !== treatment;
    this.#known.set(key, treatment);
    return isChanged;
  }
}
