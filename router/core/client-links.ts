/**
 * Links of ordinary AMQP clients (role `normal`): what a client receives from makes it a consumer of that address,
 * what it sends to makes it a producer, a dynamic source gives it a temporary address of this router, and a target
 * without address lets each message name its own.
 */
import type { Attach } from '../amqp/codec/performatives.ts';
import type { IncomingDelivery } from '../amqp/engine/incoming-delivery.ts';
import type { ReceiverLink } from '../amqp/engine/receiver-link.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import type { AddressTable, AddressWatcher } from './address-table.ts';
import { hashKey } from './hash-key.ts';
import { INGRESS_CAPABILITY, IngressOutlet } from './ingress.ts';
import { ADDRESS_LENGTH_MAX, LINK_CAPACITY, SUBSCRIBER_WAITING_MAX } from './limits.ts';
import { LinkOutlet, type LinkOwner } from './link-ends.ts';
import type { Peer } from './peer.ts';
import type { Candidate, Outlet, Transit } from './transit.ts';

export interface ClientLinkParts {
  routerId: string;
  /** What addresses of this router alone begin with. */
  home: string;
  addresses: AddressTable;
  temporaryName: () => string;
  /** The router itself answers this key. */
  isLocal: (key: string) => boolean;
  droppedPreSettled: () => void;
  /** Where a message entered the network, if that can be said. */
  ingressOf: (transit: Transit) => string | undefined;
}

/** A client that receives: a consumer of its source's address. */
export class ClientConsumer implements Candidate, LinkOwner {
  readonly link: SenderLink;
  readonly key: string;
  readonly address: string;
  readonly peer: Peer;
  openCount = 0;
  /** Deliveries not wholly sent. */
  private waitingCount = 0;
  private readonly withIngress: boolean;
  private readonly parts: ClientLinkParts;

  constructor(link: SenderLink, address: string, peer: Peer, withIngress: boolean, parts: ClientLinkParts) {
    this.link = link;
    this.withIngress = withIngress;
    this.address = address;
    this.key = hashKey(address, parts.routerId);
    this.peer = peer;
    this.parts = parts;
    link.context = this;
    parts.addresses.addConsumer(this.key, this);
  }

  /** One without credit is worse than any that can take a message now. */
  get cost(): number {
    return this.link.credit > 0 ? 0 : NO_CREDIT_COST;
  }

  take(transit: Transit): Outlet | undefined {
    if (this.waitingCount >= SUBSCRIBER_WAITING_MAX) {
      if (transit.preSettled) {
        this.parts.droppedPreSettled();
        this.link.counters.droppedPresettled++;
      }
      return undefined;
    }
    this.openCount++;
    this.waitingCount++;
    const delivery = this.link.deliver({ settled: transit.preSettled });
    if (!this.withIngress) return new LinkOutlet(delivery, transit, this.peer, this);
    return new IngressOutlet(this.parts.ingressOf(transit), delivery, transit, this.peer, this);
  }

  done(): void {
    this.openCount--;
  }

  outletSent(): void {
    this.waitingCount--;
  }

  inletSettled(): void {}

  gone(): void {
    this.parts.addresses.removeConsumer(this.key, this);
  }
}

const NO_CREDIT_COST = 10_000;
/** Credit is given back in steps of this share of it, so that not every outcome is followed by a flow frame. */
const CREDIT_STEPS = 10;

/**
 * A client that sends: its credit is what it may have unsettled, so that what waits for slow consumers is bounded;
 * none is given while nobody receives from its address.
 */
export class ClientProducer implements LinkOwner, AddressWatcher {
  readonly link: ReceiverLink;
  /** undefined: each message names its address. */
  readonly address: string | undefined;
  private readonly key: string | undefined;
  private readonly parts: ClientLinkParts;
  private readonly capacity: number;
  private openCount = 0;
  private open = false;

  constructor(link: ReceiverLink, address: string | undefined, peer: Peer, parts: ClientLinkParts) {
    this.link = link;
    this.capacity = peer.options.linkCapacity || LINK_CAPACITY;
    this.address = address;
    this.parts = parts;
    link.context = this;
    if (address === undefined) {
      this.open = true;
    } else {
      this.key = hashKey(address, parts.routerId);
      this.open = parts.isLocal(this.key);
      parts.addresses.watch(this.key, this);
    }
    this.grant();
  }

  reachable(key: string, reachable: boolean): void {
    this.open = reachable || this.parts.isLocal(key);
    this.grant();
  }

  delivered(): void {
    this.openCount++;
  }

  outletSent(): void {}

  inletSettled(_delivery: IncomingDelivery): void {
    this.openCount--;
    const roomCount = this.capacity - this.openCount - this.link.credit;
    if (this.link.credit === 0 || roomCount * CREDIT_STEPS >= this.capacity) this.grant();
  }

  gone(): void {
    if (this.key !== undefined) this.parts.addresses.unwatch(this.key, this);
  }

  private grant(): void {
    if (this.open) this.link.grant(Math.max(0, this.capacity - this.openCount));
  }
}

/** Answers the attach of a client. */
export function acceptClientSender(peer: Peer, link: ReceiverLink, attach: Attach, parts: ClientLinkParts): void {
  const address = attach.target?.address || undefined;
  if (attach.coordinator || attach.target?.dynamic) {
    link.refuse({
      condition: 'amqp:not-implemented',
      description: 'neither transactions nor dynamic targets are offered',
    });
    return;
  }
  if (tooLong(address)) {
    link.refuse({ condition: 'amqp:invalid-field', description: 'the target address is too long' });
    return;
  }
  link.accept({ autoCredit: false });
  peer.endpoints.add(new ClientProducer(link, address, peer, parts));
}

export function acceptClientReceiver(peer: Peer, link: SenderLink, attach: Attach, parts: ClientLinkParts): void {
  const dynamic = attach.source?.dynamic === true;
  const address = dynamic ? `${parts.home}temp.${parts.temporaryName()}` : attach.source?.address;
  if (!address || tooLong(address)) {
    link.refuse({
      condition: 'amqp:invalid-field',
      description: address ? 'the source address is too long' : 'a source needs an address or `dynamic`',
    });
    return;
  }
  const withIngress = attach.desiredCapabilities?.includes(INGRESS_CAPABILITY) ?? false;
  const offeredCapabilities = withIngress ? [INGRESS_CAPABILITY] : undefined;
  link.accept({ source: { ...attach.source, address }, offeredCapabilities });
  peer.endpoints.add(new ClientConsumer(link, address, peer, withIngress, parts));
}

function tooLong(address: string | undefined): boolean {
  return address !== undefined && address.length > ADDRESS_LENGTH_MAX;
}
