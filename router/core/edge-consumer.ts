/**
 * An address that another router has attached to receive from, as an edge router does with each that it consumes. Who is given
 * messages, and what the way costs, is for the two that extend it: an interior router's edges, and edges among themselves.
 */
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import type { AddressTable } from './address-table.ts';
import type { Endpoint } from './edge-protocol.ts';
import type { Peer } from './peer.ts';
import type { Candidate, Outlet, Transit } from './transit.ts';

export abstract class AttachedConsumer implements Candidate, Endpoint {
  abstract readonly cost: number;
  openCount = 0;
  readonly affinityName: string;
  readonly link: SenderLink;
  readonly address: string;
  readonly peer: Peer;
  protected readonly key: string;
  protected readonly addresses: AddressTable;

  constructor(link: SenderLink, key: string, address: string, peer: Peer, addresses: AddressTable) {
    this.link = link;
    this.key = key;
    this.address = address;
    this.peer = peer;
    this.affinityName = peer.containerId;
    this.addresses = addresses;
  }

  abstract accepts(transit: Transit): boolean;

  take(transit: Transit): Outlet | undefined {
    if (!this.accepts(transit)) return undefined;
    const outlet = this.peer.take(transit, this.link);
    if (outlet) this.openCount++;
    return outlet;
  }

  done(): void {
    this.openCount--;
  }

  gone(): void {
    this.addresses.removeConsumer(this.key, this);
  }
}
