/**
 * The address table: who takes messages of each address, here and at other routers.
 *
 * It holds facts only; choosing among them is `forwarder.ts`. Watchers hear when an address becomes reachable (it has
 * a consumer anywhere) or stops being so, and `localChanged` when its first local consumer comes or its last goes,
 * which is what other routers are told.
 */
import type { Candidate } from './transit.ts';
import type { Treatment } from './treatment.ts';

export interface AddressWatcher {
  reachable(key: string, reachable: boolean): void;
  /** Any consumer came or went, here or elsewhere. */
  changed?(): void;
}

export class Address {
  readonly key: string;
  treatment: Treatment;
  /** How another router said that its messages are spread. */
  readonly hint: number | undefined;
  readonly consumers: Candidate[] = [];
  /** Consumers that others are told of: not those of neighbouring edge routers, nor those of a router that drains. */
  localCount = 0;
  /** The edge mesh that all consumers are in, as far as they are this router's. */
  mesh: string | undefined;
  /** Routers that announced consumers. */
  readonly remotes: Set<string> = new Set();
  /** The edge mesh that all consumers at a router are in, where it has said so. */
  remoteMeshes: Map<string, string> | undefined;
  /** One candidate for each next hop, made by the forwarder at first use. */
  readonly hops: Map<number, Candidate> = new Map();
  readonly watchers: Set<AddressWatcher> = new Set();
  /** Where the next search among equals begins. */
  cursor = 0;
  deliveriesIngress = 0;
  deliveriesEgress = 0;
  deliveriesTransit = 0;

  constructor(key: string, treatment: Treatment, hint: number | undefined) {
    this.key = key;
    this.treatment = treatment;
    this.hint = hint;
  }

  get reachable(): boolean {
    return this.consumers.length > 0 || this.remotes.size > 0;
  }

  get unused(): boolean {
    return !this.reachable && this.watchers.size === 0;
  }
}

export interface AddressTableOwner {
  treatmentOf(key: string, hint: number | undefined): Treatment;
  /** The first local consumer came, or the last one went. */
  localChanged(address: Address): void;
  /** The first watcher came, or the last one went. */
  watchedChanged(address: Address): void;
}

export class AddressTable {
  private readonly owner: AddressTableOwner;
  private readonly table = new Map<string, Address>();

  constructor(owner: AddressTableOwner) {
    this.owner = owner;
  }

  get(key: string): Address | undefined {
    return this.table.get(key);
  }

  all(): Iterable<Address> {
    return this.table.values();
  }

  get size(): number {
    return this.table.size;
  }

  /** How messages of the address are spread, or would be. */
  treatmentOf(key: string): Treatment {
    return this.table.get(key)?.treatment ?? this.owner.treatmentOf(key, undefined);
  }

  /** @param hint how its messages are spread where no rule says otherwise */
  addConsumer(key: string, consumer: Candidate, hint?: Treatment): void {
    const address = this.ensure(key, hint);
    const before = address.reachable;
    address.consumers.push(consumer);
    if (!consumer.untold) address.localCount++;
    const isNews = address.localCount === 1 && !consumer.untold;
    if (this.meshMoved(address, consumer.meshId) || isNews) this.owner.localChanged(address);
    this.notify(address, before);
  }

  removeConsumer(key: string, consumer: Candidate): void {
    const address = this.table.get(key);
    const at = address?.consumers.indexOf(consumer) ?? -1;
    if (!address || at < 0) return;
    address.consumers.splice(at, 1);
    if (!consumer.untold) address.localCount--;
    const isNews = address.localCount === 0 && !consumer.untold;
    if (this.meshMoved(address, consumer.meshId) || isNews) this.owner.localChanged(address);
    this.notify(address, true);
  }

  /** @param mesh all consumers there are in this edge mesh */
  setRemote(key: string, routerId: string, present: boolean, hint?: number, mesh?: string): void {
    if (!present && !this.table.has(key)) return;
    const address = this.ensure(key, hint);
    const before = address.reachable;
    if (present) address.remotes.add(routerId);
    else address.remotes.delete(routerId);
    if (mesh !== undefined && present) {
      address.remoteMeshes ??= new Map();
      address.remoteMeshes.set(routerId, mesh);
    } else address.remoteMeshes?.delete(routerId);
    this.notify(address, before);
  }

  /** A consumer of the address has got into another edge mesh. */
  meshChanged(key: string): void {
    const address = this.table.get(key);
    if (!address) return;
    if (this.meshMoved(address) && address.localCount > 0) this.owner.localChanged(address);
    for (const watcher of address.watchers) watcher.changed?.();
  }

  /**
   * The watcher is told at once if the address is reachable now.
   * @param hint how its messages are spread where no rule says otherwise, and nobody has said so before
   */
  watch(key: string, watcher: AddressWatcher, hint?: Treatment): void {
    const address = this.ensure(key, hint);
    address.watchers.add(watcher);
    if (address.watchers.size === 1) this.owner.watchedChanged(address);
    if (address.reachable) watcher.reachable(key, true);
  }

  unwatch(key: string, watcher: AddressWatcher): void {
    const address = this.table.get(key);
    if (!address) return;
    if (address.watchers.delete(watcher) && address.watchers.size === 0) this.owner.watchedChanged(address);
    this.sweep(address);
  }

  /**
   * @param meshId of the consumer that has come or gone; few addresses have any in a mesh, and only they cost a search
   * @returns whether the consumers are now all in one mesh, or no longer, or in another
   */
  private meshMoved(address: Address, meshId?: string): boolean {
    const before = address.mesh;
    const first = address.consumers[0]?.meshId;
    if (before === undefined && first === undefined && meshId === undefined) return false;
    const isOne = first !== undefined && address.consumers.every((consumer) => consumer.meshId === first);
    address.mesh = isOne ? first : undefined;
    return address.mesh !== before;
  }

  private ensure(key: string, hint?: number): Address {
    let address = this.table.get(key);
    if (!address) {
      address = new Address(key, this.owner.treatmentOf(key, hint), hint);
      this.table.set(key, address);
    }
    return address;
  }

  private notify(address: Address, before: boolean): void {
    const now = address.reachable;
    if (before !== now) for (const watcher of [...address.watchers]) watcher.reachable(address.key, now);
    for (const watcher of address.watchers) watcher.changed?.();
    this.sweep(address);
  }

  private sweep(address: Address): void {
    if (address.unused) this.table.delete(address.key);
  }
}
