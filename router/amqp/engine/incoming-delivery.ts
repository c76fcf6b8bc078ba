/**
 * A delivery that the peer sends us. Its payload comes by 'transfer' events; this is its identity and its settlement (2.6.12).
 */
import type { DeliveryState } from '../codec/performatives.ts';
import type { ReceiverLink } from './receiver-link.ts';

export class IncomingDelivery {
  readonly link: ReceiverLink;
  readonly deliveryId: number;
  /** For the owner. */
  context: object | undefined = undefined;
  /** The peer has settled: no disposition of ours is wanted. */
  settled: boolean;
  /** The last transfer has arrived, or the delivery was aborted. */
  complete = false;
  aborted = false;
  /** Payload so far. */
  sizeBytes = 0;
  /** What we have said of it last. */
  state: DeliveryState | undefined = undefined;
  /** The sender's own state, if it gave one. */
  remoteState: DeliveryState | undefined = undefined;

  /** Engine only. The payload of this delivery goes nowhere: its link is detaching. */
  discarded = false;
  /** Engine only. A 'transfer' event was raised. */
  begun = false;
  /** Engine only. Unsettled deliveries of one link form a list. */
  nextUnsettled: IncomingDelivery | undefined = undefined;
  previousUnsettled: IncomingDelivery | undefined = undefined;

  constructor(link: ReceiverLink, deliveryId: number, settled: boolean) {
    this.link = link;
    this.deliveryId = deliveryId;
    this.settled = settled;
  }

  /** Tells the peer our state of this delivery. Once settled by either side it does nothing. */
  update(state: DeliveryState | undefined, settled: boolean): void {
    if (this.settled || this.link.gone) return;
    this.link.session.settlement.updateIncoming(this, state, settled);
  }
}
