/**
 * Links of ordinary AMQP clients (role `normal`): what a client receives from makes it a consumer of that address,
 * what it sends to makes it a producer, a dynamic source gives it a temporary address of this router, and a target
 * without address lets each message name its own.
 */
import type { AmqpError, Attach, Terminus } from '../amqp/codec/performatives.ts';
import type { IncomingDelivery } from '../amqp/engine/incoming-delivery.ts';
import type { ReceiverLink } from '../amqp/engine/receiver-link.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import { FLAG_RESEND_RELEASED, FLAG_STREAMING } from '../amqp/message/router-annotations.ts';
import type { AddressTable, AddressWatcher } from './address-table.ts';
import { hashKey } from './hash-key.ts';
import { INGRESS_CAPABILITY, IngressOutlet } from './ingress.ts';
import { ADDRESS_LENGTH_MAX, INGRESSES_COUNTED_MAX, LINK_CAPACITY, SUBSCRIBER_WAITING_MAX } from './limits.ts';
import { LinkOutlet, type LinkOwner } from './link-ends.ts';
import type { Peer } from './peer.ts';
import type { Candidate, Outlet, Transit } from './transit.ts';
import { Treatment } from './treatment.ts';

export interface ClientLinkParts {
  routerId: string;
  /** What addresses of this router alone begin with. */
  home: string;
  addresses: AddressTable;
  /** This router is about to go. */
  isDraining: () => boolean;
  temporaryName: () => string;
  /** The router itself answers this key. */
  isLocal: (key: string) => boolean;
  droppedPreSettled: () => void;
  /** Producers that are to get credit when the turn ends. */
  credits: CreditQueue;
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
  /** Deliveries that are over, by where they entered the network: `0/<id>` of another router, empty for this one. */
  readonly ingressCounts = new Map<string, number>();
  /** Deliveries not wholly sent. */
  private waitingCount = 0;
  private readonly withIngress: boolean;
  /** It gets the router annotations as another router would. */
  private readonly withAnnotations: boolean;
  private readonly parts: ClientLinkParts;

  constructor(link: SenderLink, address: string, peer: Peer, withIngress: boolean, parts: ClientLinkParts) {
    this.link = link;
    this.withIngress = withIngress;
    this.withAnnotations = !strips(peer, 'out');
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
    // What is not settled waits: no more of it than its producers have credit.
    if (transit.preSettled && this.waitingCount >= SUBSCRIBER_WAITING_MAX) {
      this.parts.droppedPreSettled();
      this.link.counters.droppedPresettled++;
      return undefined;
    }
    this.openCount++;
    this.waitingCount++;
    const delivery = this.link.deliver({ settled: transit.preSettled });
    if (this.withIngress) return new IngressOutlet(this.parts.ingressOf(transit), delivery, transit, this.peer, this);
    const outlet = new LinkOutlet(delivery, transit, this.peer, this);
    if (this.withAnnotations) outlet.write(this.peer.annotationsOf(transit));
    return outlet;
  }

  done(): void {
    this.openCount--;
  }

  outletSent(): void {
    this.waitingCount--;
  }

  outletOver(_link: SenderLink, { annotations }: Transit): void {
    const ingress = annotations?.ingress ?? '';
    const count = this.ingressCounts.get(ingress);
    // The name is what a peer says.
    if (count !== undefined || this.ingressCounts.size < INGRESSES_COUNTED_MAX)
      this.ingressCounts.set(ingress, (count ?? 0) + 1);
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
  /** Flags of the router annotations of all its messages. */
  readonly flags: number;
  /** Its messages' own router annotations count. */
  readonly withAnnotations: boolean;
  /** One that sends to many addresses must not wait for one slow consumer. */
  readonly pacesPreSettled: boolean;
  private readonly capacity: number;
  private openCount = 0;
  private open = false;
  private queued = false;

  constructor(link: ReceiverLink, address: string | undefined, peer: Peer, parts: ClientLinkParts) {
    this.link = link;
    this.capacity = peer.options.linkCapacity || LINK_CAPACITY;
    this.address = address;
    this.pacesPreSettled = address !== undefined;
    this.flags = flagsOf(link.target);
    this.withAnnotations = !strips(peer, 'in');
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
    this.offer();
  }

  outletSent(): void {}

  inletSettled(_delivery: IncomingDelivery): void {
    this.openCount--;
    if (!this.open) {
      // Nobody takes its messages any more: it is to keep them.
      this.link.requestDrain();
      return;
    }
    this.offer();
  }

  gone(): void {
    if (this.key !== undefined) this.parts.addresses.unwatch(this.key, this);
  }

  /** Gives the credit that it may have. */
  grant(): void {
    this.queued = false;
    const credit = Math.max(0, this.capacity - this.openCount);
    if (this.open && (credit !== this.link.credit || this.link.draining)) this.link.grant(credit);
  }

  /** In steps, so that not every outcome is followed by a flow frame; all there is when it has little left. */
  private offer(): void {
    const { credit } = this.link;
    const roomCount = this.capacity - this.openCount - credit;
    if (this.queued || roomCount <= 0 || !this.open) return;
    if (roomCount * CREDIT_STEPS < this.capacity && credit * CREDIT_STEPS >= this.capacity) return;
    this.queued = true;
    this.parts.credits.push(this);
  }
}

/** The producers that get credit at the end of the turn: one flow frame each, however many outcomes came in it. */
export class CreditQueue {
  private waiting: ClientProducer[] = [];

  push(producer: ClientProducer): void {
    this.waiting.push(producer);
  }

  flush(): void {
    if (this.waiting.length === 0) return;
    const producers = this.waiting;
    this.waiting = [];
    for (const producer of producers) producer.grant();
  }
}

/** Answers the attach of a client. */
export function acceptClientSender(peer: Peer, link: ReceiverLink, attach: Attach, parts: ClientLinkParts): void {
  if (attach.coordinator) {
    link.refuse({ condition: 'amqp:not-implemented', description: 'transactions are not offered' });
    return;
  }
  const dynamic = attach.target?.dynamic === true;
  const address = dynamic ? `amqp:/_$temp.${parts.temporaryName()}` : attach.target?.address || undefined;
  const refusal = address === undefined ? undefined : refusalOf(address, parts);
  if (refusal !== undefined) {
    link.refuse(refusal);
    return;
  }
  link.accept(dynamic ? { autoCredit: false, target: { ...attach.target, address } } : { autoCredit: false });
  peer.endpoints.add(new ClientProducer(link, address, peer, parts));
}

export function acceptClientReceiver(peer: Peer, link: SenderLink, attach: Attach, parts: ClientLinkParts): void {
  const dynamic = attach.source?.dynamic === true;
  const address = dynamic ? `${parts.home}temp.${parts.temporaryName()}` : attach.source?.address;
  const refusal = address ? (refusalOf(address, parts) ?? notHere(address, parts)) : NO_ROUTE;
  if (refusal !== undefined || !address) {
    link.refuse(refusal ?? NO_ROUTE);
    return;
  }
  const withIngress = attach.desiredCapabilities?.includes(INGRESS_CAPABILITY) ?? false;
  const offeredCapabilities = withIngress ? [INGRESS_CAPABILITY] : undefined;
  link.accept({ source: { ...attach.source, address }, offeredCapabilities });
  peer.endpoints.add(new ClientConsumer(link, address, peer, withIngress, parts));
}

const NOT_FOUND: AmqpError = { condition: 'amqp:not-found', description: 'Node not found' };
const NO_ROUTE: AmqpError = { condition: 'qd:no-route-to-dest', description: 'No route to the destination node' };
const TOO_LONG: AmqpError = { condition: 'amqp:invalid-field', description: 'the address is too long' };

/** Why nobody may send to or receive from the address. */
function refusalOf(address: string, parts: ClientLinkParts): AmqpError | undefined {
  if (address.length > ADDRESS_LENGTH_MAX) return TOO_LONG;
  const key = hashKey(address, parts.routerId);
  if (key.charCodeAt(0) !== MOBILE_CLASS || parts.isLocal(key)) return undefined;
  return parts.addresses.treatmentOf(key) === Treatment.unavailable ? NOT_FOUND : undefined;
}

/** Only routers consume what belongs to another router, or to an edge router. */
function notHere(address: string, parts: ClientLinkParts): AmqpError | undefined {
  return OTHERS_CLASSES.includes(hashKey(address, parts.routerId).charAt(0)) ? NO_ROUTE : undefined;
}

const MOBILE_CLASS = 'M'.charCodeAt(0);
const OTHERS_CLASSES = 'RHA';

/** A listener or connector can be told to leave the router annotations of what passes it alone; usually they end there. */
function strips(peer: Peer, way: 'in' | 'out'): boolean {
  const { stripAnnotations = 'both' } = peer.options;
  return stripAnnotations === 'both' || stripAnnotations === way;
}

/** What a producer asks for all its messages, by capabilities of its target. */
function flagsOf(target: Terminus | undefined): number {
  const has = (name: string): boolean => target?.capabilities?.includes(name) ?? false;
  return (has('qd.streaming-deliveries') ? FLAG_STREAMING : 0) | (has('qd.resend-released') ? FLAG_RESEND_RELEASED : 0);
}
