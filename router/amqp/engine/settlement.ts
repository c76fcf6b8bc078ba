/**
 * Settlement of a session's deliveries, both directions: which are unsettled, and the dispositions that settle them (2.6.12, 2.7.6).
 */
import { encodeDisposition } from '../codec/encode-performative.ts';
import type { DeliveryState, Disposition, Role } from '../codec/performatives.ts';
import type { IncomingDelivery } from './incoming-delivery.ts';
import type { OutgoingDelivery } from './outgoing-delivery.ts';
import type { Session } from './session.ts';
import { UnsettledMap } from './unsettled.ts';

export class Settlement {
  readonly outgoing = new UnsettledMap<OutgoingDelivery>();
  readonly incoming = new UnsettledMap<IncomingDelivery>();
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The owner's word on a delivery that we send. It waits for the last frame. */
  updateOutgoing(delivery: OutgoingDelivery, state: DeliveryState | undefined, settled: boolean): void {
    if (!delivery.complete) {
      delivery.updateQueued = true;
      delivery.queuedState = state ?? delivery.queuedState;
      delivery.queuedSettled ||= settled;
      return;
    }
    if (settled) {
      delivery.settled = true;
      this.outgoing.remove(delivery);
      delivery.link.settled(delivery.remoteState);
    }
    this.#send('sender', delivery.deliveryId, state, settled);
  }

  /** The owner's word on a delivery that we receive. */
  updateIncoming(delivery: IncomingDelivery, state: DeliveryState | undefined, settled: boolean): void {
    delivery.state = state ?? delivery.state;
    if (settled) {
      delivery.settled = true;
      this.incoming.remove(delivery);
      delivery.link.settled(delivery.state);
    }
    this.#send('receiver', delivery.deliveryId, state, settled);
  }

  /** The last frame of a delivery is out: what waited for it follows. */
  onSent(delivery: OutgoingDelivery): void {
    if (delivery.settled) this.outgoing.remove(delivery);
    else if (delivery.updateQueued) this.updateOutgoing(delivery, delivery.queuedState, delivery.queuedSettled);
    else this.#settleSecond(delivery);
  }

  /** The peer's word on a range of deliveries. Those it does not find are settled already. */
  onDisposition(disposition: Disposition): void {
    const { role, first, last = first, state, settled = false } = disposition;
    const { events } = this.#session.connection;
    if (role === 'receiver') {
      for (const delivery of this.outgoing.inRange(first, last)) {
        delivery.remoteState = state ?? delivery.remoteState;
        delivery.remoteSettled = settled;
        if (settled) {
          this.outgoing.remove(delivery);
          delivery.link.settled(delivery.remoteState);
        }
        events.push({ type: 'disposition', delivery, state, settled });
        if (!settled && delivery.complete) this.#settleSecond(delivery);
      }
      return;
    }
    for (const delivery of this.incoming.inRange(first, last)) {
      delivery.remoteState = state ?? delivery.remoteState;
      if (settled) {
        delivery.settled = true;
        this.incoming.remove(delivery);
        delivery.link.settled(delivery.state);
      }
      events.push({ type: 'disposition', delivery, state, settled });
    }
  }

  /** A receiver in mode 'second' waits for us to settle after it has decided. */
  #settleSecond(delivery: OutgoingDelivery): void {
    const state = delivery.remoteState;
    if (delivery.link.rcvSettleMode !== 1 || state === undefined || state.state === 'received') return;
    this.updateOutgoing(delivery, state, true);
  }

  #send(role: Role, first: number, state: DeliveryState | undefined, settled: boolean): void {
    const { connection, channel } = this.#session;
    encodeDisposition(connection.frameWriter(), channel, { role, first, settled, state });
  }
}
