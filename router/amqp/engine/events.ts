/**
 * What a connection tells its owner, in the order in which it happened. Drain with `nextEvent` after each call into the connection.
 */
import type { AmqpError, Attach, DeliveryState } from '../codec/performatives.ts';
import type { IncomingDelivery } from './incoming-delivery.ts';
import type { OutgoingDelivery } from './outgoing-delivery.ts';
import type { ReceiverLink } from './receiver-link.ts';
import type { SenderLink } from './sender-link.ts';
import type { Session } from './session.ts';

export type AnyLink = SenderLink | ReceiverLink;

/** One piece of a delivery's payload, as it arrived. `last` only on the final piece of a delivery; an aborted one has no more. */
export interface TransferEvent {
  readonly type: 'transfer';
  readonly delivery: IncomingDelivery;
  /** A view of the octets given to `receive`. May be empty. */
  readonly payload: Buffer;
  readonly first: boolean;
  readonly last: boolean;
  readonly aborted: boolean;
}

export type ConnectionEvent =
  /** The peer's open is here: see `remoteOpen`. */
  | { readonly type: 'opened' }
  /** The peer wants a link: answer with `link.accept` or `link.refuse`, now or later. */
  | { readonly type: 'attach'; readonly link: AnyLink; readonly attach: Attach }
  /** The peer has answered our attach; source and target of the link are now the peer's. */
  | { readonly type: 'attached'; readonly link: AnyLink; readonly attach: Attach }
  | TransferEvent
  | {
      readonly type: 'disposition';
      readonly delivery: OutgoingDelivery | IncomingDelivery;
      readonly state: DeliveryState | undefined;
      readonly settled: boolean;
    }
  /** A sender's credit or drain changed, or a receiver's requested drain is done. */
  | { readonly type: 'flow'; readonly link: AnyLink }
  /** Room again in a delivery that was above the high-water mark, or all of it is sent. */
  | { readonly type: 'sent'; readonly delivery: OutgoingDelivery }
  /** The link is gone, whoever began it; its queued and unsettled deliveries with it. */
  | { readonly type: 'detach'; readonly link: AnyLink; readonly error: AmqpError | undefined }
  /** The session is gone; a 'detach' for each of its links came before. */
  | { readonly type: 'end'; readonly session: Session; readonly error: AmqpError | undefined }
  /** Everything on the connection is gone. Octets may still want transmitting: a close frame. */
  | { readonly type: 'closed'; readonly error: AmqpError | undefined; readonly by: 'local' | 'remote' | 'protocol' };

/** First in, first out, without shifting an array. */
export class EventQueue {
  #events: ConnectionEvent[] = [];
  #next = 0;

  push(event: ConnectionEvent): void {
    this.#events.push(event);
  }

  shift(): ConnectionEvent | undefined {
    if (this.#next === this.#events.length) {
      if (this.#next > 0) {
        this.#events = [];
        this.#next = 0;
      }
      return undefined;
    }
    const event = this.#events[this.#next];
    this.#next += 1;
    return event;
  }
}
