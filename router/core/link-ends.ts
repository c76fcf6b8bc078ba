/**
 * The two ends of a transit that are AMQP links: an inlet over an incoming delivery, an outlet over an outgoing one.
 * The connection's events reach them through the deliveries' `context`.
 */
import type { DeliveryState } from '../amqp/codec/performatives.ts';
import type { IncomingDelivery } from '../amqp/engine/incoming-delivery.ts';
import { countOutcome } from '../amqp/engine/link-counters.ts';
import type { OutgoingDelivery } from '../amqp/engine/outgoing-delivery.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import { countDelay, delayOf } from './delivery-age.ts';
import type { DeliveryCounters } from './delivery-counters.ts';
import { OUTLET_BYTES_HIGH } from './limits.ts';
import { type Inlet, type Outlet, type Rerouter, Transit } from './transit.ts';

/** Told when a delivery of a link is over, so that the link can be used again or its credit be given back. */
export interface LinkOwner {
  /** @param aborted it was broken off: nobody will say when its octets are out of the way */
  outletSent(link: SenderLink, aborted: boolean): void;
  /** The last word on a delivery is said, after it was sent. */
  outletOver?(link: SenderLink, transit: Transit): void;
  inletSettled(delivery: IncomingDelivery): void;
  /** It must know of each stream when all of it is taken, also where its producer waits for no outcome. */
  readonly asksForOutcome?: boolean;
  /** A pre-settled delivery counts as under way until it has been sent on, so that its producer is no faster than that. */
  readonly pacesPreSettled?: boolean;
}

/** An end that must hear when its connection is lost. */
export interface LinkEnd {
  readonly delivery: OutgoingDelivery | IncomingDelivery;
  readonly transit: Transit;
  /** All of it has passed, and it is settled. */
  readonly isOver: boolean;
  /** @param isOneOfGroup the neighbour may still be there by other connections */
  connectionLost(isOneOfGroup?: boolean): void;
}

export class LinkOutlet implements Outlet, LinkEnd {
  readonly delivery: OutgoingDelivery;
  readonly transit: Transit;
  private readonly ends: Set<LinkEnd>;
  private readonly owner: LinkOwner;
  /** Its owner has the link back. */
  private returned = false;
  /** The outcome is asked for on behalf of the link's owner alone. */
  private askedHere = false;

  constructor(delivery: OutgoingDelivery, transit: Transit, peer: { ends: Set<LinkEnd> }, owner: LinkOwner) {
    this.delivery = delivery;
    this.transit = transit;
    this.ends = peer.ends;
    this.owner = owner;
    delivery.context = this;
    peer.ends.add(this);
  }

  write(bytes: Buffer): void {
    this.delivery.write(bytes);
  }

  end(settled: boolean): void {
    const { remoteSettled, remoteState } = this.delivery;
    const isOpen = !remoteSettled && !isOutcome(remoteState);
    this.askedHere = settled && isOpen && this.transit.windowed && this.owner.asksForOutcome === true;
    this.delivery.end(settled && !this.askedHere);
  }

  abort(): void {
    this.delivery.abort();
  }

  senderUpdate(state: DeliveryState | undefined, settled: boolean): void {
    this.delivery.update(state, settled);
    this.checkOver();
  }

  get unsent(): boolean {
    return !this.returned && !this.delivery.link.gone;
  }

  get queuedBytes(): number {
    return this.delivery.queuedBytes;
  }

  // ---- the connection's events

  disposition(state: DeliveryState | undefined, settled: boolean): void {
    this.transit.outcome(this, state, settled);
    if (this.askedHere && !settled && isOutcome(state)) this.delivery.update(undefined, true);
    this.checkOver();
  }

  get isOver(): boolean {
    return this.delivery.complete && (this.delivery.settled || this.delivery.remoteSettled);
  }

  private checkOver(): void {
    if (!this.isOver || !this.ends.delete(this)) return;
    const { link } = this.delivery;
    this.owner.outletOver?.(link, this.transit);
    const delay = delayOf(this.transit, link.session.connection.now);
    if (delay > 0) countDelay(link.counters, delay);
  }

  /** The queue has drained, or all is sent. Both may be told when the delivery is complete already. */
  sent(): void {
    if (this.delivery.complete && !this.returned) {
      this.returned = true;
      this.owner.outletSent(this.delivery.link, this.delivery.aborted);
      this.checkOver();
      if (this.transit.preSettled) this.transit.passedOn(this);
    }
    this.transit.drained(this);
  }

  connectionLost(isOneOfGroup = false): void {
    this.ends.delete(this);
    this.transit.outletLost(this, this.delivery.deliveryId >= 0, isOneOfGroup);
  }
}

/** What all inlets of a router share. */
export interface InletParts {
  readonly rerouter: Rerouter;
  readonly counters: DeliveryCounters;
  /** Time of the turn, ms. */
  readonly now: () => number;
}

export class LinkInlet implements Inlet, LinkEnd {
  readonly delivery: IncomingDelivery;
  readonly transit: Transit;
  /** Octets that came before the message could be routed. */
  collected: Buffer | undefined;
  refused = false;
  private readonly ends: Set<LinkEnd>;
  private readonly owner: LinkOwner;
  private readonly parts: InletParts;
  /** What its receiver said last. */
  private state: DeliveryState | undefined;
  private heldBytes = 0;
  private holding = false;
  private settled = false;

  constructor(
    delivery: IncomingDelivery,
    peer: { id: number; ends: Set<LinkEnd> },
    owner: LinkOwner,
    parts: InletParts,
  ) {
    this.delivery = delivery;
    this.ends = peer.ends;
    this.owner = owner;
    this.parts = parts;
    this.transit = new Transit(this, parts.rerouter, peer.id, delivery.settled);
    this.transit.since = parts.now();
    this.transit.origin = delivery.link;
    delivery.context = this;
    peer.ends.add(this);
  }

  get isOver(): boolean {
    return this.settled;
  }

  update(state: DeliveryState | undefined, settled: boolean): void {
    if (this.settled) return;
    this.delivery.update(state, settled);
    this.state = state ?? this.state;
    if (settled) this.over();
  }

  hold(): void {
    this.holding = true;
  }

  resume(): void {
    this.holding = false;
    this.delivery.link.session.releaseWindow(this.heldBytes);
    this.heldBytes = 0;
  }

  /** Passes octets on, and keeps back session window for what the outlet cannot take yet. */
  write(bytes: Buffer): void {
    this.transit.write(bytes);
    this.transit.overfull(this.transit.windowed ? this.transit.queuedBytesMax : OUTLET_BYTES_HIGH);
    if (this.holding) {
      this.heldBytes += bytes.length;
      this.delivery.link.session.holdWindow(bytes.length);
    }
  }

  end(settled: boolean): void {
    this.transit.end(settled);
    if (this.settled) this.over();
    else if (settled && !(this.owner.pacesPreSettled && this.transit.preSettled && this.transit.unsent)) this.over();
  }

  passedOn(): void {
    this.over();
  }

  connectionLost(): void {
    this.abort();
  }

  /** The sender broke off. */
  abort(): void {
    this.transit.abort();
    this.over();
  }

  senderUpdate(state: DeliveryState | undefined, settled: boolean): void {
    this.transit.senderUpdate(state, settled);
    if (settled) this.over();
  }

  /** Settled. As long as the sender has not ended, the loss of its connection must still end the transit. */
  private over(): void {
    if (this.transit.complete) this.ends.delete(this);
    // Also when it was settled before its end, and more came that was held.
    if (this.heldBytes > 0) this.resume();
    if (this.settled) return;
    this.settled = true;
    const { counters } = this.parts;
    if (!this.transit.preSettled) countOutcome(counters, this.state);
    const delay = delayOf(this.transit, this.parts.now());
    if (delay > 0) {
      countDelay(counters, delay);
      countDelay(this.delivery.link.counters, delay);
    }
    this.owner.inletSettled(this.delivery);
  }
}

function isOutcome(state: DeliveryState | undefined): boolean {
  return state !== undefined && state.state !== 'received';
}
