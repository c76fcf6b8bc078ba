/**
 * A link on which the peer sends: the credit we grant and the delivery that is arriving (2.6.7, 2.6.14).
 */
import type { AmqpError, Attach, Flow, Role, Transfer } from '../codec/performatives.ts';
import { conditions } from './conditions.ts';
import { IncomingDelivery } from './incoming-delivery.ts';
import { Link, type LinkState } from './link.ts';
import type { AcceptOptions, ReceiverOptions } from './options.ts';
import { add, distance } from './serial.ts';
import type { Session } from './session.ts';

export class ReceiverLink extends Link {
  readonly role: Role = 'receiver';
  /** Deliveries that the peer may still begin. */
  credit = 0;
  /** The level that `grant` asked for. */
  creditLevel: number;
  autoCredit: boolean;
  /** A requested drain is not yet answered. */
  draining = false;
  deliveryCount = 0;
  /** Largest message we take, 0 for any. */
  maxMessageSize: number;

  /** Engine only. The delivery whose last frame has not arrived. */
  current: IncomingDelivery | undefined = undefined;
  /** Engine only. */
  unsettled: IncomingDelivery | undefined = undefined;

  constructor(
    session: Session,
    name: string,
    handle: number,
    options: Omit<ReceiverOptions, 'name'>,
    state: LinkState,
  ) {
    super(session, name, handle, options, state);
    this.creditLevel = options.credit ?? 0;
    this.autoCredit = options.autoCredit ?? true;
    this.maxMessageSize = options.maxMessageSize ?? 0;
  }

  get unsettledCount(): number {
    return this.unsettledInSession;
  }

  get undeliveredCount(): number {
    return 0;
  }

  accept(options: AcceptOptions = {}): void {
    this.creditLevel = options.credit ?? this.creditLevel;
    this.autoCredit = options.autoCredit ?? this.autoCredit;
    this.maxMessageSize = options.maxMessageSize ?? this.maxMessageSize;
    if (this.answer(options) && this.creditLevel > 0) this.grant(this.creditLevel);
  }

  /**
   * Sets how many deliveries the peer may begin from here on. With `autoCredit` the level is kept: topped up as deliveries
   * complete, when half of it is used.
   */
  grant(credit: number): void {
    this.creditLevel = credit;
    if (this.state !== 'attached') return;
    this.credit = credit;
    this.pace.credited(credit, this.session.connection.now);
    this.draining = false;
    this.session.sendLinkFlow(this, this.deliveryCount, credit, undefined);
  }

  /** Grants what is missing to the level now, however little that is. */
  topUp(): void {
    if (this.autoCredit && !this.draining && this.credit < this.creditLevel) this.grant(this.creditLevel);
  }

  /** Has the peer use its credit or give it back; 'flow' tells when it has. Stops topping up. */
  requestDrain(): void {
    if (this.state !== 'attached' || this.draining) return;
    this.draining = true;
    this.creditLevel = 0;
    this.session.sendLinkFlow(this, this.deliveryCount, this.credit, true);
  }

  /** Ends the link; deliveries that are arriving or unsettled are lost. */
  detach(error?: AmqpError): void {
    if (this.gone) return;
    if (this.state === 'offered') this.refuse(error ?? { condition: conditions.notAllowed });
    else this.detachNow(error);
  }

  /** Engine only. The peer's attach is here. */
  onAttached(attach: Attach): void {
    this.deliveryCount = attach.initialDeliveryCount ?? 0;
    if (this.state === 'attached' && this.creditLevel > 0) this.grant(this.creditLevel);
  }

  /** Engine only. */
  onFlow(flow: Flow): void {
    if (flow.deliveryCount === undefined) return;
    const used = distance(flow.deliveryCount, this.deliveryCount);
    if (used > 0) {
      this.deliveryCount = flow.deliveryCount;
      this.credit = Math.max(0, this.credit - used);
    }
    if (this.draining && this.credit === 0) this.draining = false;
  }

  /** Engine only. The delivery that a transfer belongs to; undefined when the session or link was ended because of it. */
  onTransfer(transfer: Transfer): IncomingDelivery | undefined {
    const delivery = this.current ?? this.#begin(transfer);
    if (delivery === undefined) return undefined;
    if (transfer.deliveryId >= 0 && transfer.deliveryId !== delivery.deliveryId) {
      this.session.fail(conditions.invalidField, 'a delivery began on a link before the one before it was complete');
      return undefined;
    }
    if (transfer.state !== undefined) delivery.remoteState = transfer.state;
    if (transfer.settled || transfer.aborted) {
      delivery.settled = true;
      this.session.settlement.incoming.remove(delivery);
    }
    if (transfer.aborted) delivery.aborted = true;
    return delivery;
  }

  #begin(transfer: Transfer): IncomingDelivery | undefined {
    if (transfer.deliveryId < 0 || transfer.deliveryTagSizeBytes < 0) {
      this.session.fail(
        conditions.invalidField,
        'the first transfer of a delivery has no delivery-id or no delivery-tag',
      );
      return undefined;
    }
    if (this.credit === 0) return this.#beyondCredit(transfer);
    this.credit -= 1;
    this.deliveryCount = add(this.deliveryCount, 1);
    const settled = transfer.settled || this.sndSettleMode === 1;
    this.begun(this.credit, settled);
    const delivery = new IncomingDelivery(this, transfer.deliveryId, settled);
    this.current = delivery;
    if (this.gone) {
      delivery.discarded = true;
      delivery.settled = true;
    } else if (!settled) {
      if (this.session.settlement.incoming.has(delivery.deliveryId)) {
        this.session.fail(conditions.invalidField, 'a delivery-id is in use by an unsettled delivery');
        return undefined;
      }
      this.session.settlement.incoming.add(delivery);
    }
    return delivery;
  }

  /** What a link without credit sends is dropped; on one that was detached for an error it ends the session. */
  #beyondCredit(transfer: Transfer): IncomingDelivery | undefined {
    if (this.gone) {
      this.session.fail(conditions.errantLink, 'deliveries go on on a link that was detached for an error');
      return undefined;
    }
    this.fail(conditions.transferLimitExceeded, 'a delivery began without credit');
    const delivery = new IncomingDelivery(this, transfer.deliveryId, true);
    delivery.discarded = true;
    this.current = delivery;
    return delivery;
  }

  /** Engine only. Detaches for a fault of the peer, and tells the owner. */
  fail(condition: string, description: string): void {
    if (this.gone) return;
    const error = { condition, description };
    this.detachNow(error);
    this.session.connection.countFault();
    this.session.report(this, error);
  }

  /** Engine only. The last frame of the current delivery is in. */
  onComplete(delivery: IncomingDelivery): void {
    delivery.complete = true;
    this.current = undefined;
    if (!this.autoCredit || this.draining || this.state !== 'attached') return;
    if (this.creditLevel > 0 && this.credit <= this.creditLevel >> 1) this.grant(this.creditLevel);
  }

  override release(): void {
    if (this.current !== undefined) this.current.discarded = true;
    for (let delivery = this.unsettled; delivery !== undefined; delivery = delivery.nextUnsettled) {
      delivery.settled = true;
    }
    this.session.settlement.incoming.removeAllOf(this);
  }
}
