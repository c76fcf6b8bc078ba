/** A tcpListener, as far as it concerns the core: its addresses, what its flows count, and how many it may have. */
import { Seldom } from '../../lib/seldom.ts';
import type { AddressWatcher } from '../core/address-table.ts';
import { FAULT_LOG_INTERVAL_MS } from '../core/limits.ts';
import type { ObserverKind } from '../observer/observer.ts';
import type { ServiceNames } from './doors.ts';
import type { Flow } from './flow.ts';
import { newCounters } from './flow-counters.ts';
import type { FlowEntity } from './flow-owner.ts';
import type { AddressChooser, ListenerAddress, MultiAddressStrategy } from './listener-address.ts';

export interface TcpListenerOptions extends ServiceNames {
  name: string;
  address?: string;
  multiAddressStrategy: MultiAddressStrategy;
  /** For what to look in flows: what is seen is told to who collects events. */
  observer?: ObserverKind;
  /** Connections at a time; 0 or absent for no limit. */
  maxConnections?: number;
}

/** How a listenerAddress stands beside the others of its listener. */
export interface Rank {
  /** The higher tier is used first; with strategy `weighted` the share. */
  value: number;
  /** Share within the tier, 1 when absent. */
  weight?: number;
}

export interface ListenerOwner {
  readonly now: number;
  random(): number;
  isReachable(key: string): boolean;
  adjustListening(listener: TcpListener): void;
}

export class TcpListener implements AddressWatcher, FlowEntity, AddressChooser {
  options: TcpListenerOptions;
  readonly counters = newCounters();
  readonly addresses: ListenerAddress[] = [];
  readonly flows = new Set<Flow>();
  listening = false;
  /** Of connections beyond those that it may have. */
  readonly limitLog = new Seldom(FAULT_LOG_INTERVAL_MS);
  private readonly owner: ListenerOwner;

  constructor(options: TcpListenerOptions, owner: ListenerOwner) {
    this.options = options;
    this.owner = owner;
  }

  get strategy(): MultiAddressStrategy {
    return this.options.multiAddressStrategy;
  }

  get isFull(): boolean {
    const { maxConnections = 0 } = this.options;
    return maxConnections > 0 && this.flows.size >= maxConnections;
  }

  reachable(key: string, reachable: boolean): void {
    // What refused before has gone and come back.
    if (reachable) for (const address of this.addresses) if (address.key === key) address.penaltyUntil = 0;
    this.owner.adjustListening(this);
  }

  isReachable(key: string): boolean {
    return this.owner.isReachable(key);
  }

  random(): number {
    return this.owner.random();
  }

  now(): number {
    return this.owner.now;
  }
}
