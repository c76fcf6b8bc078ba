/**
 * A link on which we send: a queue of deliveries and the credit that the peer has granted (2.6.7).
 *
 * Deliveries leave in the order in which they were made, one after the other: AMQP allows no two on a link at once.
 */
import { assert } from '../../../lib/errors.ts';
import type { AmqpError, Attach, Flow, Role } from '../codec/performatives.ts';
import { deliveryTagSizeBytesMax } from './limits.ts';
import { Link, type LinkState } from './link.ts';
import type { AcceptOptions, LinkOptions } from './options.ts';
import { OutgoingDelivery } from './outgoing-delivery.ts';
import { add, distance } from './serial.ts';
import type { Session } from './session.ts';

export interface DeliverOptions {
  /** Settled when sent (default false, or what the link's snd-settle-mode demands). */
  readonly settled?: boolean;
  readonly messageFormat?: number;
  readonly tag?: Buffer;
}

export class SenderLink extends Link {
  readonly role: Role = 'sender';
  /** Deliveries that the peer lets us begin. */
  credit = 0;
  /** The peer wants the credit used up or given back. */
  drain = false;
  deliveryCount = 0;

  /** Engine only. The delivery being sent, and those behind it. */
  head: OutgoingDelivery | undefined = undefined;
  tail: OutgoingDelivery | undefined = undefined;
  /** Engine only. */
  unsettled: OutgoingDelivery | undefined = undefined;
  /** Engine only. The scheduler's view: which queue holds the link, who is next in it, what the link sent lately. */
  queued = false;
  nextReady: SenderLink | undefined = undefined;
  deficitBytes = 0;
  recentBytes = 0;
  recentAt = 0;

  #detachQueued = false;
  #undeliveredCount = 0;
  #detachError: AmqpError | undefined = undefined;

  constructor(session: Session, name: string, handle: number, options: Omit<LinkOptions, 'name'>, state: LinkState) {
    super(session, name, handle, options, state);
  }

  get unsettledCount(): number {
    const head = this.head;
    const isHeadListed = head !== undefined && head.deliveryId >= 0 && !head.settled && !head.remoteSettled;
    return this.unsettledInSession - (isHeadListed ? 1 : 0);
  }

  get undeliveredCount(): number {
    return this.#undeliveredCount;
  }

  /** Deliveries that began and are not settled: a detach would take their outcomes away. */
  get hasUnsettled(): boolean {
    return this.unsettled !== undefined;
  }

  accept(options: AcceptOptions = {}): void {
    if (this.answer(options)) this.makeReady();
  }

  /** Queues a delivery; its frames go when there is something to send and the peer allows. */
  deliver(options: DeliverOptions = {}): OutgoingDelivery {
    assert((options.tag?.length ?? 0) <= deliveryTagSizeBytesMax, 'a delivery-tag has at most 32 octets');
    const settled = this.sndSettleMode === 1 || (this.sndSettleMode !== 0 && (options.settled ?? false));
    const delivery = new OutgoingDelivery(this, settled, options.messageFormat ?? 0, options.tag);
    if (this.gone || this.#detachQueued) return delivery;
    if (this.tail === undefined) this.head = delivery;
    else this.tail.next = delivery;
    this.tail = delivery;
    this.#undeliveredCount++;
    return delivery;
  }

  /** Ends the link once its queued deliveries are sent; with an error at once. */
  detach(error?: AmqpError): void {
    if (this.gone || this.#detachQueued) return;
    if (error === undefined && this.head !== undefined && this.state === 'attached') {
      this.#detachQueued = true;
      this.#detachError = error;
    } else if (this.state === 'offered') {
      this.refuse(error ?? { condition: 'amqp:not-allowed' });
    } else {
      this.detachNow(error);
    }
  }

  /** Engine only. Something may be sent: has the scheduler look at this link. */
  makeReady(): void {
    if (!this.queued && this.canSend()) this.session.connection.scheduler.enqueue(this, this.session.connection.now);
  }

  /** Engine only. All but the session's window allows a frame. */
  canSend(): boolean {
    const head = this.head;
    if (head === undefined || this.state !== 'attached') return false;
    return (head.deliveryId >= 0 || this.credit > 0) && (head.queuedBytes > 0 || head.ended);
  }

  /** Engine only. The last frame of the first delivery is sent. */
  shift(): void {
    this.head = this.head?.next;
    this.#undeliveredCount--;
    if (this.head !== undefined) return;
    this.tail = undefined;
    if (this.#detachQueued) this.detachNow(this.#detachError);
  }

  /** Engine only. */
  onAttached(_attach: Attach): void {
    this.makeReady();
  }

  /** Engine only. */
  onFlow(flow: Flow): void {
    if (flow.linkCredit !== undefined) {
      const limit = add(flow.deliveryCount ?? 0, flow.linkCredit);
      this.credit = Math.max(0, distance(limit, this.deliveryCount));
      if (this.credit > 0) this.pace.blockedAt = -1;
    }
    this.drain = flow.drain ?? false;
    if (this.drain) this.session.connection.requestDrained(this);
    this.makeReady();
  }

  /** Engine only. Gives back the credit that we have no use for, and says so (2.6.7). */
  drained(): void {
    if (!this.drain || this.state !== 'attached' || this.canSend()) return;
    this.deliveryCount = add(this.deliveryCount, this.credit);
    this.credit = 0;
    this.session.sendLinkFlow(this, this.deliveryCount, 0, true);
  }

  override release(): void {
    for (let delivery = this.head; delivery !== undefined; delivery = delivery.next) delivery.dropQueue();
    this.head = undefined;
    this.tail = undefined;
    this.#undeliveredCount = 0;
    this.credit = 0;
    this.session.settlement.outgoing.removeAllOf(this);
  }
}
