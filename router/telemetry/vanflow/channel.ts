/** One address at which a source tells: who waits to be told there, and whether somebody listens. */
import type { AddressTable, AddressWatcher } from '../../core/address-table.ts';
import { Treatment } from '../../core/treatment.ts';
import { RECORDS_PER_MESSAGE } from './limits.ts';
import type { Messages } from './messages.ts';
import type { Told } from './told.ts';

export interface ChannelOwner {
  /** Whether somebody listens has changed, or who does. */
  listenersChanged(channel: Channel): void;
}

export class Channel implements AddressWatcher {
  readonly address: string;
  private readonly key: string;
  private readonly addresses: AddressTable;
  private readonly owner: ChannelOwner;
  private readonly queue: Told[] = [];
  private isWatched = false;

  constructor(address: string, addresses: AddressTable, owner: ChannelOwner) {
    this.address = address;
    this.key = `M${address}`;
    this.addresses = addresses;
    this.owner = owner;
  }

  get isHeard(): boolean {
    return this.addresses.get(this.key)?.reachable ?? false;
  }

  get waitingCount(): number {
    return this.queue.length;
  }

  watch(): void {
    if (this.isWatched) return;
    this.isWatched = true;
    // Events are for everybody who listens, also where no rule for these addresses is configured.
    this.addresses.watch(this.key, this, Treatment.multicast);
  }

  unwatch(): void {
    this.isWatched = false;
    this.addresses.unwatch(this.key, this);
  }

  reachable(): void {
    this.owner.listenersChanged(this);
  }

  changed(): void {
    this.owner.listenersChanged(this);
  }

  /** Queues what has news, once. */
  offer(told: Told): void {
    if (told.queued || !told.isNews) return;
    told.queued = true;
    this.queue.push(told);
  }

  /** Nobody listens: what waits is not told. */
  clear(): void {
    for (const told of this.queue) told.queued = false;
    this.queue.length = 0;
  }

  /** @returns the next message, with at most `RECORDS_PER_MESSAGE` records; undefined when none waits */
  next(messages: Messages): Buffer | undefined {
    if (this.queue.length === 0) return undefined;
    const message = messages.records(this.address);
    for (const told of this.queue.splice(0, RECORDS_PER_MESSAGE)) {
      told.queued = false;
      told.write(message);
    }
    return message.finish();
  }
}
