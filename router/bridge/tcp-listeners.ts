/**
 * The tcpListeners of this router: their addresses, and whether their sockets are open, which is while an address of them is reachable.
 */
import type { AddressTable } from '../core/address-table.ts';
import type { Effects } from '../core/effects.ts';
import { hashKey } from '../core/hash-key.ts';
import type { ObserverKind } from '../observer/observer.ts';
import type { ServiceNames } from './doors.ts';
import type { FlowEntity } from './flow-owner.ts';
import type { BridgePolicies } from './policies.ts';
import { TcpConnector } from './tcp-connector.ts';
import { type ListenerOwner, type Rank, TcpListener, type TcpListenerOptions } from './tcp-listener.ts';

export interface ListenersOwner {
  readonly routerId: string;
  /** Time of the turn, ms. */
  readonly now: number;
  readonly effects: Effects;
  readonly addresses: AddressTable;
  readonly policies: BridgePolicies;
  random(): number;
  /** It is deleted; open flows of it may go on. */
  retire(entity: FlowEntity): void;
}

export class TcpListeners implements ListenerOwner {
  readonly byName = new Map<string, TcpListener>();
  private readonly owner: ListenersOwner;
  /** Those whose sockets may have to be opened or closed; a deleted one stands before what has taken its name. */
  private readonly unsettled = new Set<TcpListener>();

  constructor(owner: ListenersOwner) {
    this.owner = owner;
  }

  get now(): number {
    return this.owner.now;
  }

  random(): number {
    return this.owner.random();
  }

  add(options: TcpListenerOptions): void {
    const listener = new TcpListener(options, this);
    this.byName.set(options.name, listener);
    if (options.address !== undefined) this.addTo(listener, options.name, options.address, { value: 0 });
  }

  /** @param keepFlows leaves its open flows alone */
  delete(name: string, keepFlows: boolean): void {
    const listener = this.byName.get(name);
    if (!listener) return;
    this.byName.delete(name);
    for (const { key } of listener.addresses) this.owner.addresses.unwatch(key, listener);
    listener.addresses.length = 0;
    this.adjustListening(listener);
    if (!keepFlows) for (const flow of [...listener.flows]) flow.reset();
    this.owner.retire(listener);
  }

  /** For what to look in flows of a listener from now on, how many it may have, and what policies know it by. */
  adjust(
    listener: string,
    changes: { observer?: ObserverKind; maxConnections?: number } & Partial<ServiceNames>,
  ): void {
    const found = this.byName.get(listener);
    if (!found) return;
    found.options = { ...found.options, ...changes };
    for (const address of found.addresses) address.checkpoint = undefined;
    this.owner.policies.serviceChanged();
  }

  addAddress(listener: string, name: string, address: string, rank: Rank): void {
    const found = this.byName.get(listener);
    if (found) this.addTo(found, name, address, rank);
  }

  /** New connections follow at once; open ones stay where they are. */
  rankAddress(listener: string, name: string, { value, weight = 1 }: Rank): void {
    const found = this.byName.get(listener)?.addresses.find((each) => each.name === name);
    if (found) Object.assign(found, { value, weight });
  }

  deleteAddress(listener: string, name: string): void {
    const found = this.byName.get(listener);
    const at = found?.addresses.findIndex((each) => each.name === name) ?? -1;
    if (!found || at < 0) return;
    const [gone] = found.addresses.splice(at, 1);
    if (!found.addresses.some((each) => each.key === gone!.key)) this.owner.addresses.unwatch(gone!.key, found);
    this.adjustListening(found);
  }

  /** Its addresses have changed, or whether they can be reached. */
  adjustListening(listener: TcpListener): void {
    this.unsettled.add(listener);
  }

  /**
   * Opens listening sockets of which an address is reachable, closes those of which none is: at the end of a turn, so
   * that a socket stays open while one address takes the place of another.
   */
  settle(): void {
    if (this.unsettled.size === 0) return;
    for (const listener of this.unsettled) {
      const wanted = listener.addresses.some(({ key }) => this.isReachable(key));
      if (wanted === listener.listening) continue;
      listener.listening = wanted;
      this.owner.effects.push({ type: 'listen', listener: listener.options.name, on: wanted });
    }
    this.unsettled.clear();
  }

  /** One whose last other router has just gone is, and is about to be in the table again. */
  isReachable(key: string): boolean {
    const address = this.owner.addresses.get(key);
    if (address === undefined) return false;
    if (address.reachable) return true;
    for (const watcher of address.watchers) if (watcher instanceof TcpConnector) return true;
    return false;
  }

  private addTo(listener: TcpListener, name: string, address: string, { value, weight = 1 }: Rank): void {
    const key = hashKey(address, this.owner.routerId);
    listener.addresses.push({ name, address, key, value, weight, penaltyUntil: 0, connectionsOpened: 0 });
    this.owner.addresses.watch(key, listener);
    this.adjustListening(listener);
  }
}
