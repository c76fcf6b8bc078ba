/**
 * Mobile addresses: this router's own with the sequence it numbers their changes by, and those learnt of one other router.
 *
 * No messages are built and none are sent here. Invariant of both: the set is exactly what the sequence number stands
 * for, so a router that holds (seq, set) can apply change seq + 1 and no other (wire reference 3.8).
 */
import { ADDRESSES_PER_ROUTER_MAX } from './limits.ts';
import type { AddressDescriptor, MobileAddressUpdate } from './messages.ts';

export class LocalAddresses {
  seq: number;
  readonly #wanted = new Map<string, Offer>();
  /** What stands at `seq`: what others know once they have applied it. */
  readonly #advertised = new Map<string, Offer>();
  readonly #touched = new Set<string>();

  constructor(firstSequence = 0) {
    this.seq = firstSequence;
  }

  set(key: string, treatment: number, mesh?: string): void {
    this.#wanted.set(key, { treatment, mesh });
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
      const offer = this.#wanted.get(key);
      if (isSameOffer(offer, this.#advertised.get(key))) continue;
      if (offer === undefined) {
        del.push(key);
        this.#advertised.delete(key);
      } else {
        add.push({ key, ...offer });
        this.#advertised.set(key, offer);
      }
    }
    this.#touched.clear();
    if (add.length + del.length === 0) return undefined;
    this.seq++;
    return { add, del };
  }

  advertised(): AddressDescriptor[] {
    return Array.from(this.#advertised, ([key, offer]) => ({ key, ...offer }));
  }
}

/** How messages of an address are spread, and the edge mesh that all its consumers here are in. */
interface Offer {
  readonly treatment?: number;
  readonly mesh?: string;
}

function isSameOffer(one: Offer | undefined, other: Offer | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.treatment === other.treatment && one.mesh === other.mesh;
}

export interface AddressChange {
  readonly key: string;
  readonly present: boolean;
  readonly treatment?: number;
  readonly mesh?: string;
}

export class RemoteAddresses {
  seq = 0;
  /** Changes refused because the router has too many addresses. */
  refusedCount = 0;
  /** The router may be in another life than the one that told these: only a list of all will do. */
  isDoubtful = false;
  readonly #known = new Map<string, Offer>();

  get count(): number {
    return this.#known.size;
  }

  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  /**
   * @param countMax what exceeds it is refused
   * @returns 'gap': changes between are missing, ask for all; 'stale': seen before
   */
  apply(update: MobileAddressUpdate, countMax = ADDRESSES_PER_ROUTER_MAX): AddressChange[] | 'gap' | 'stale' {
    if (update.exist === undefined) {
      if (update.mobileSeq <= this.seq) return 'stale';
      if (update.mobileSeq > this.seq + 1 || this.isDoubtful) return 'gap';
    }
    this.isDoubtful = false;
    this.seq = update.mobileSeq;
    const changes: AddressChange[] = [];
    for (const key of update.del ?? this.#keysNotIn(update.exist ?? [])) {
      if (this.#known.delete(key)) changes.push({ key, present: false });
    }
    for (const { key, treatment, mesh } of update.exist ?? update.add ?? []) {
      if (this.#learn(key, { treatment, mesh }, countMax)) changes.push({ key, present: true, treatment, mesh });
    }
    return changes;
  }

  /** Forgets all: the router restarted or cannot be reached. */
  flush(): AddressChange[] {
    const changes = Array.from(this.#known.keys(), (key) => ({ key, present: false }));
    this.#known.clear();
    this.seq = 0;
    this.isDoubtful = false;
    return changes;
  }

  #keysNotIn(exist: readonly AddressDescriptor[]): string[] {
    const kept = new Set(exist.map(({ key }) => key));
    return [...this.#known.keys()].filter((key) => !kept.has(key));
  }

  #learn(key: string, offer: Offer, countMax: number): boolean {
    const isNew = !this.#known.has(key);
    if (isNew && this.#known.size >= countMax) {
      this.refusedCount++;
      return false;
    }
    const isChanged = isNew || !isSameOffer(this.#known.get(key), offer);
    this.#known.set(key, offer);
    return isChanged;
  }
}
