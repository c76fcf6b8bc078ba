/**
 * Which address a tcpListener sends a connection to, of those that have a consumer somewhere.
 *
 * `priority`: those of the highest value are a tier; its connections are shared by weight, and the next tier gets none while
 * one of this can be reached. `weighted`: all share by value. A client with session affinity gets the same address as long
 * as the tier has it. One that has just refused is passed over while another can be had.
 */
import { choose } from '../core/affinity.ts';
import { CONNECTOR_PENALTY_MS, SECOND_ROUND_WITHIN_MS } from '../core/limits.ts';
import type { Checkpoint } from '../policy/checkpoint.ts';

export type MultiAddressStrategy = 'none' | 'priority' | 'weighted';

export interface ListenerAddress {
  readonly name: string;
  readonly address: string;
  /** Of the address table. */
  readonly key: string;
  value: number;
  weight: number;
  penaltyUntil: number;
  /** Connections that were offered to it. */
  connectionsOpened: number;
  /** What policies say of those who are sent to it. */
  checkpoint?: Checkpoint;
}

export interface AddressChooser {
  readonly addresses: readonly ListenerAddress[];
  readonly strategy: MultiAddressStrategy;
  isReachable(key: string): boolean;
  /** Uniform in [0, 1). */
  random(): number;
  now(): number;
}

/** What policies say of one connection and the addresses that it may be sent to. */
export interface AddressRules {
  permits(address: ListenerAddress): boolean;
  /** It is about to be sent there. @returns false where a limit that holds there has no place for it */
  takes(address: ListenerAddress): boolean;
}

const NO_RULES: AddressRules = { permits: () => true, takes: () => true };

/** The addresses that one connection is offered to, one after the other. */
export class AddressTrial {
  private readonly chooser: AddressChooser;
  /** Hash of the client's address, when its connections are to stay together. */
  readonly client: number | undefined;
  private current: ListenerAddress | undefined;
  private refused: Set<ListenerAddress> | undefined;
  private readonly startedAt: number;
  private restarted = false;
  private readonly rules: AddressRules;

  constructor(chooser: AddressChooser, client: number | undefined, rules: AddressRules = NO_RULES) {
    this.chooser = chooser;
    this.startedAt = chooser.now();
    this.client = client;
    this.rules = rules;
  }

  /**
   * The address to try; called again, the one before has refused. Undefined when none is left.
   * @param isExcused it has refused this client alone, as policies do
   */
  next(isExcused = false): string | undefined {
    if (this.current !== undefined) {
      this.refuse(this.current);
      if (!isExcused) this.current.penaltyUntil = this.chooser.now() + CONNECTOR_PENALTY_MS;
    }
    this.current = this.choose();
    while (this.current !== undefined && !this.rules.takes(this.current)) {
      this.refuse(this.current);
      this.current = this.choose();
    }
    if (this.current !== undefined) this.current.connectionsOpened++;
    return this.current?.address;
  }

  /** What `next` has chosen last. */
  get address(): ListenerAddress | undefined {
    return this.current;
  }

  /** Whether `next` would have another. */
  get hasMore(): boolean {
    return this.chooser.addresses.some((each) => each !== this.current && this.isUsable(each));
  }

  /** All may be tried once more, once. @returns whether they may */
  restart(): boolean {
    if (this.restarted || this.chooser.now() - this.startedAt > SECOND_ROUND_WITHIN_MS) return false;
    this.restarted = true;
    this.refused = undefined;
    this.current = undefined;
    return true;
  }

  private refuse(address: ListenerAddress): void {
    this.refused ??= new Set();
    this.refused.add(address);
  }

  private isUsable(address: ListenerAddress): boolean {
    return !this.refused?.has(address) && this.chooser.isReachable(address.key) && this.rules.permits(address);
  }

  private choose(): ListenerAddress | undefined {
    const { addresses, strategy } = this.chooser;
    const usable = addresses.filter((each) => this.isUsable(each));
    if (usable.length < 2) return usable[0];
    const now = this.chooser.now();
    const sound = usable.filter(({ penaltyUntil }) => penaltyUntil <= now);
    const pool = sound.length > 0 ? sound : usable;
    if (strategy === 'weighted') return this.share(pool, ({ value }) => value);
    const top = pool.reduce((highest, { value }) => Math.max(highest, value), 0);
    const tier = pool.filter(({ value }) => value === top);
    return this.share(tier, ({ weight }) => weight);
  }

  private share(pool: readonly ListenerAddress[], weightOf: (each: ListenerAddress) => number): ListenerAddress {
    if (pool.length === 1) return pool[0]!;
    if (this.client !== undefined) {
      return choose(this.client, pool, (each) => ({ name: `address ${each.address}`, weight: weightOf(each) }))!;
    }
    const total = pool.reduce((sum, each) => sum + weightOf(each), 0);
    let at = this.chooser.random() * total;
    for (const each of pool) {
      at -= weightOf(each);
      if (at < 0) return each;
    }
    return pool[pool.length - 1]!;
  }
}
