/**
 * What both directions of a link share: its names and handles, and its life from attach to detach (2.6.1 to 2.6.6).
 *
 * A link is never suspended: a detach of either kind ends it, and we always say `closed`, which is what routers expect.
 */
import type { AmqpError, Attach, DeliveryState, Role, Terminus } from '../codec/performatives.ts';
import type { Typed } from '../codec/value.ts';
import { countOutcome, type LinkCounters, newLinkCounters } from './link-counters.ts';
import { LinkPace } from './link-pace.ts';
import type { AcceptOptions, LinkOptions } from './options.ts';
import type { Session } from './session.ts';

export type LinkState =
  /** Our attach is out. */
  | 'attaching'
  /** The peer's attach is in, and the owner has not answered. */
  | 'offered'
  | 'attached'
  /** Our detach is out. */
  | 'detaching'
  | 'detached';

export abstract class Link {
  abstract readonly role: Role;
  readonly session: Session;
  readonly name: string;
  /** The handle that our frames carry. */
  readonly handle: number;
  state: LinkState;
  /** The peer's from its attach on, ours before. */
  source: Terminus | undefined;
  target: Terminus | undefined;
  sndSettleMode: number;
  rcvSettleMode: number;
  /** For the owner. */
  context: object | undefined;
  readonly counters: LinkCounters = newLinkCounters();
  readonly pace = new LinkPace();
  /** Deliveries of the session's unsettled ones that are this link's, the one being sent among them. */
  unsettledInSession = 0;

  /** Engine only. The handle that the peer's frames carry, -1 while it has none. */
  remoteHandle = -1;
  /** Engine only. The owner has been told of the end. */
  reported = false;

  constructor(session: Session, name: string, handle: number, options: Omit<LinkOptions, 'name'>, state: LinkState) {
    this.session = session;
    this.name = name;
    this.handle = handle;
    this.source = options.source;
    this.target = options.target;
    this.sndSettleMode = options.sndSettleMode ?? 2;
    this.rcvSettleMode = options.rcvSettleMode ?? 0;
    this.context = options.context;
    this.state = state;
  }

  /** Deliveries wholly sent or begun to arrive that are not settled. */
  abstract get unsettledCount(): number;

  /** Deliveries that wait to be sent, the one being sent among them. */
  abstract get undeliveredCount(): number;

  /** Nothing more can be sent on it. */
  get gone(): boolean {
    return this.state === 'detaching' || this.state === 'detached';
  }

  /** Engine only. The last word on a delivery of it. */
  settled(state: DeliveryState | undefined): void {
    countOutcome(this.counters, state);
    this.pace.settled(this.session.connection.now);
  }

  /** Engine only. A delivery begins: its first frame goes or comes, and a credit is used up. */
  begun(credit: number, preSettled: boolean): void {
    const { connection } = this.session;
    connection.lastDeliveryAt = connection.now;
    this.counters.deliveries++;
    if (credit === 0) this.pace.credited(credit, connection.now);
    if (!preSettled) return;
    this.counters.presettled++;
    this.pace.settled(connection.now);
  }

  /** Refuses the peer's attach: the answer has no terminus, and a detach with the reason follows it (2.6.3). */
  refuse(error: AmqpError): void {
    if (this.state !== 'offered') return;
    this.sendAttach({ ...this.attachFields(), source: undefined, target: undefined });
    this.state = 'attached';
    this.detachNow(error);
  }

  /** Engine only. Sends our detach; what is queued or unsettled is lost. */
  detachNow(error: AmqpError | undefined): void {
    this.release();
    this.state = 'detaching';
    this.session.sendDetach(this, error);
  }

  /** Engine only. */
  sendAttach(attach: Attach): void {
    this.session.sendAttach(attach);
  }

  /** Engine only. */
  attachFields(maxMessageSize?: number, properties?: Typed): Attach {
    return {
      name: this.name,
      handle: this.handle,
      role: this.role,
      sndSettleMode: this.sndSettleMode,
      rcvSettleMode: this.rcvSettleMode,
      source: this.source,
      target: this.target,
      // Of a receiver's it means nothing; it is there as in Proton's, whose attaches are the same octet for octet.
      initialDeliveryCount: 0,
      maxMessageSize,
      properties,
    };
  }

  /** Engine only. Takes over what the owner answers to the peer's attach, and answers. */
  protected answer(options: AcceptOptions): boolean {
    if (this.state !== 'offered') return false;
    this.source = options.source ?? this.source;
    this.target = options.target ?? this.target;
    this.context = options.context ?? this.context;
    this.state = 'attached';
    const { maxMessageSize, offeredCapabilities, properties } = options;
    this.sendAttach({ ...this.attachFields(maxMessageSize, properties), offeredCapabilities });
    return true;
  }

  /** Engine only. The link is over: drops queues and unsettled deliveries. */
  abstract release(): void;
}
