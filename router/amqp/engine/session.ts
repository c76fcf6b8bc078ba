/**
 * A session: handles, transfer windows of both directions, and settlement of its deliveries (2.5, 2.6.12).
 *
 * Faults that the specification scopes to a session end it (`fail`) and leave the connection alone; frames that the peer sent before
 * it learnt of the end are dropped.
 */
import { encodeAttach, encodeBegin, encodeDetach, encodeEnd, encodeFlow } from '../codec/encode-performative.ts';
import type { AmqpError, Attach, Begin, Detach, Disposition, Flow, Transfer } from '../codec/performatives.ts';
import { AmqpLimitError, AmqpProtocolError, type Condition, conditions } from './conditions.ts';
import type { Connection } from './connection.ts';
import type { AnyLink } from './events.ts';
import { HandleTable } from './handle-table.ts';
import type { IncomingDelivery } from './incoming-delivery.ts';
import { IncomingWindow } from './incoming-window.ts';
import { deliveryTagSizeBytesMax } from './limits.ts';
import type { Link, LinkState } from './link.ts';
import type { LinkOptions, ReceiverOptions } from './options.ts';
import type { OutgoingDelivery } from './outgoing-delivery.ts';
import { ReceiverLink } from './receiver-link.ts';
import { LinkQueue } from './scheduler.ts';
import { SenderLink } from './sender-link.ts';
import { add, distance } from './serial.ts';
import { Settlement } from './settlement.ts';

/** What we say of our outgoing-window: it is not what limits us. */
const outgoingWindow = 0x7fffffff;

export class Session {
  readonly connection: Connection;
  /** The channel of our frames. */
  readonly channel: number;
  state: 'beginning' | 'mapped' | 'ending' | 'ended' = 'beginning';
  /** For the owner. */
  context: object | undefined = undefined;

  /** Engine only. */
  remoteChannel = -1;
  readonly settlement = new Settlement(this);
  /** Engine only. Links that could send but for the window. */
  readonly waiting = new LinkQueue();

  readonly #links = new HandleTable<AnyLink>();
  /** The owner has been told of the end. */
  #reported = false;
  /** By the peer's handle. */
  readonly #remoteLinks: (AnyLink | undefined)[] = [];
  #remoteHandleMax = 0xffffffff;

  /** How long the last answer to `measureRoundTrip` took; undefined before it. */
  roundTripMs: number | undefined = undefined;
  #measuredFrom: number | undefined = undefined;

  /** Frames that the peer's begin has let us send; 0 before it. */
  remoteWindowFrames = 0;

  #nextOutgoingId = 0;
  #nextDeliveryId = 0;
  #remoteIncomingWindow = 0;

  readonly #incomingWindow: IncomingWindow;
  /** The link of the last transfer. */
  #lastReceiver: ReceiverLink | undefined = undefined;

  constructor(connection: Connection, channel: number, incomingWindowFrames: number) {
    this.connection = connection;
    this.channel = channel;
    this.#incomingWindow = new IncomingWindow(incomingWindowFrames, connection.settings.maxFrameSizeBytes);
  }

  get gone(): boolean {
    return this.state === 'ending' || this.state === 'ended';
  }

  links(): Iterable<AnyLink> {
    return this.#links;
  }

  /** Opens a link on which we send. Throws `AmqpLimitError` when the peer takes no more links. */
  attachSender(options: LinkOptions): SenderLink {
    const link = new SenderLink(this, options.name, this.#claimHandle(), options, 'attaching');
    this.#links.add(link);
    this.connection.senders.set(link.name, link);
    this.sendAttach(link.attachFields(options.maxMessageSize, options.properties));
    return link;
  }

  /** Opens a link on which the peer sends. Throws `AmqpLimitError` when the peer takes no more links. */
  attachReceiver(options: ReceiverOptions): ReceiverLink {
    const link = new ReceiverLink(this, options.name, this.#claimHandle(), options, 'attaching');
    this.#links.add(link);
    this.connection.receivers.set(link.name, link);
    this.sendAttach(link.attachFields(options.maxMessageSize, options.properties));
    return link;
  }

  /** Ends the session and all its links. */
  end(error?: AmqpError): void {
    if (this.gone) return;
    this.#dropLinks(error);
    this.state = 'ending';
    encodeEnd(this.connection.frameWriter(), this.channel, error);
  }

  /** The owner buffers octets that came by it: the window shrinks by them until released. */
  holdWindow(sizeBytes: number): void {
    this.#incomingWindow.hold(sizeBytes);
  }

  releaseWindow(sizeBytes: number): void {
    this.#incomingWindow.release(sizeBytes);
    if (this.#incomingWindow.due) this.#tellWindow();
  }

  /** Lets the peer have no more than so many octets under way from here on, less than it was told. */
  narrowWindow(sizeBytes: number): void {
    if (this.#incomingWindow.narrow(sizeBytes)) this.#tellWindow();
  }

  // What follows is for the engine only.

  /** Ends the session because the peer broke its rules. */
  fail(condition: Condition, description: string): void {
    if (this.gone) return;
    const error = { condition, description };
    this.connection.countFault();
    this.end(error);
    this.#reportEnd(error);
  }

  sendBegin(): void {
    encodeBegin(this.connection.frameWriter(), this.channel, {
      remoteChannel: this.remoteChannel < 0 ? undefined : this.remoteChannel,
      nextOutgoingId: this.#nextOutgoingId,
      incomingWindow: this.#incomingWindow.frames,
      outgoingWindow,
      handleMax: this.connection.settings.handleMax,
    });
  }

  sendAttach(attach: Attach): void {
    if (this.gone) return;
    encodeAttach(this.connection.frameWriter(), this.channel, attach);
  }

  sendDetach(link: Link, error: AmqpError | undefined): void {
    if (this.gone) return;
    encodeDetach(this.connection.frameWriter(), this.channel, { handle: link.handle, closed: true, error });
  }

  sendLinkFlow(link: Link, deliveryCount: number, linkCredit: number, drain: boolean | undefined): void {
    this.#sendFlow({ handle: link.handle, deliveryCount, linkCredit, drain });
  }

  canTransfer(): boolean {
    return this.#remoteIncomingWindow > 0;
  }

  /** The first frame of a delivery is being encoded. */
  beginDelivery(delivery: OutgoingDelivery): void {
    delivery.deliveryId = this.#nextDeliveryId;
    this.#nextDeliveryId = add(this.#nextDeliveryId, 1);
    delivery.link.credit -= 1;
    delivery.link.deliveryCount = add(delivery.link.deliveryCount, 1);
    delivery.link.begun(delivery.link.credit, delivery.settled);
    if (!delivery.settled) this.settlement.outgoing.add(delivery);
  }

  transferSent(): void {
    this.#nextOutgoingId = add(this.#nextOutgoingId, 1);
    this.#remoteIncomingWindow -= 1;
    this.connection.stats.framesOut += 1;
    this.connection.stats.transfersOut += 1;
  }

  /** The last frame of a delivery is encoded. */
  deliverySent(delivery: OutgoingDelivery): void {
    delivery.complete = true;
    delivery.link.shift();
    if (delivery.link.drain) this.connection.requestDrained(delivery.link);
    this.connection.events.push({ type: 'sent', delivery });
    this.settlement.onSent(delivery);
  }

  checkLowWater(delivery: OutgoingDelivery): void {
    if (delivery.queuedBytes >= this.connection.settings.queuedBytesLow) return;
    delivery.aboveHigh = false;
    this.connection.events.push({ type: 'sent', delivery });
  }

  onBegin(begin: Begin, remoteChannel: number): void {
    this.remoteChannel = remoteChannel;
    this.#incomingWindow.nextIncomingId = begin.nextOutgoingId;
    this.#remoteIncomingWindow = begin.incomingWindow;
    this.remoteWindowFrames = begin.incomingWindow;
    this.#remoteHandleMax = begin.handleMax ?? 0xffffffff;
    if (this.state === 'beginning') this.state = 'mapped';
  }

  /** The peer ended the session, or answers our end. */
  onEnd(error: AmqpError | undefined): void {
    const local = this.state === 'ending';
    if (!local) {
      this.#dropLinks(error);
      encodeEnd(this.connection.frameWriter(), this.channel, undefined);
    }
    this.state = 'ended';
    this.connection.forget(this);
    this.#reportEnd(error);
  }

  onAttach(attach: Attach): void {
    if (this.gone) return;
    if (attach.handle > this.connection.settings.handleMax) {
      throw new AmqpProtocolError(conditions.framingError, `link handle ${attach.handle} is above handle-max`);
    }
    if (this.#remoteLinks[attach.handle] !== undefined) {
      this.fail(conditions.handleInUse, `link handle ${attach.handle} is attached already`);
      return;
    }
    const existing: AnyLink | undefined =
      attach.role === 'sender' ? this.connection.receivers.get(attach.name) : this.connection.senders.get(attach.name);
    if (existing?.session === this && existing.remoteHandle < 0 && existing.state !== 'offered') {
      this.#onAnswer(existing, attach);
      return;
    }
    existing?.session.steal(existing);
    this.#onOffer(attach);
  }

  /** Another attach took the name of `link` (2.6.1). */
  steal(link: AnyLink): void {
    const error = { condition: conditions.stolen, description: `another link took the name ${link.name}` };
    if (link.gone) return;
    if (link.state === 'offered') link.refuse(error);
    else link.detachNow(error);
    this.report(link, error);
  }

  /** Tells the owner, once, that a link is over. */
  report(link: AnyLink, error: AmqpError | undefined): void {
    if (link.reported) return;
    link.reported = true;
    this.connection.events.push({ type: 'detach', link, error });
  }

  onDetach(detach: Detach): void {
    if (this.gone) return;
    const link = this.#attached(detach.handle);
    if (link === undefined) return;
    this.#remoteLinks[detach.handle] = undefined;
    const { state } = link;
    if (state === 'offered') this.sendAttach({ ...link.attachFields(), source: undefined, target: undefined });
    if (state !== 'detaching') link.detachNow(undefined);
    link.state = 'detached';
    this.#links.remove(link.handle);
    this.connection.forgetLink(link);
    this.report(link, detach.error);
  }

  onFlow(flow: Flow): void {
    if (this.gone) return;
    this.#remoteIncomingWindow = Math.max(
      0,
      distance(add(flow.nextIncomingId ?? 0, flow.incomingWindow), this.#nextOutgoingId),
    );
    if (this.canTransfer()) this.#wakeWaiting();
    if (flow.handle !== undefined) {
      const link = this.#attached(flow.handle);
      if (link === undefined) return;
      if (!link.gone) {
        link.onFlow(flow);
        this.connection.events.push({ type: 'flow', link });
        if (flow.echo) this.#echo(link);
      }
    } else if (flow.echo) this.#sendFlow({});
    else if (this.#measuredFrom !== undefined) {
      this.roundTripMs = this.connection.now - this.#measuredFrom;
      this.#measuredFrom = undefined;
    }
  }

  /**
   * Asks the peer for its state. A peer that has links on which we receive says it at no other time by a flow without a link: ours do
   * not (`#tellWindow`). One that never answers is not asked again.
   * @param now the connection's own time is when something last came or went, which may be long ago
   */
  measureRoundTrip(now: number): void {
    if (this.#measuredFrom !== undefined || this.state !== 'mapped') return;
    this.#measuredFrom = now;
    this.#sendFlow({ echo: true });
  }

  /** The delivery that takes the transfer's payload; undefined to drop it. */
  onTransfer(transfer: Transfer): IncomingDelivery | undefined {
    if (this.gone) return undefined;
    if (!this.#incomingWindow.use()) {
      this.fail(conditions.windowViolation, 'a transfer arrived beyond the incoming-window');
      return undefined;
    }
    if (this.#incomingWindow.due) this.#tellWindow();
    if (transfer.deliveryTagSizeBytes > deliveryTagSizeBytesMax) {
      throw new AmqpProtocolError(conditions.decodeError, 'a delivery-tag is longer than 32 octets');
    }
    const link = this.#attached(transfer.handle);
    if (link === undefined) return undefined;
    if (link instanceof ReceiverLink) {
      this.#lastReceiver = link;
      return link.onTransfer(transfer);
    }
    this.fail(conditions.notAllowed, 'a transfer arrived on a link on which we send');
    return undefined;
  }

  onDisposition(disposition: Disposition): void {
    if (this.gone) return;
    if (distance(disposition.last ?? disposition.first, disposition.first) < 0) {
      this.fail(conditions.invalidField, 'the range of a disposition ends before it begins');
      return;
    }
    this.settlement.onDisposition(disposition);
  }

  /** The connection is gone: nothing is sent any more. */
  onClosed(): void {
    this.state = 'ended';
    for (const link of this.#links) {
      link.release();
      link.state = 'detached';
    }
  }

  #reportEnd(error: AmqpError | undefined): void {
    if (this.#reported) return;
    this.#reported = true;
    this.connection.events.push({ type: 'end', session: this, error });
  }

  #claimHandle(): number {
    const handle = this.#links.next;
    if (handle > Math.min(this.#remoteHandleMax, this.connection.settings.handleMax)) {
      throw new AmqpLimitError(`session ${this.channel} has no link handle left`, {
        condition: conditions.resourceLimitExceeded,
      });
    }
    return handle;
  }

  #onAnswer(link: AnyLink, attach: Attach): void {
    link.remoteHandle = attach.handle;
    this.#remoteLinks[attach.handle] = link;
    if (link.state === 'detaching') return;
    const refused = refuses(link, attach);
    link.state = 'attached';
    link.source = attach.source ?? link.source;
    link.target = attach.target ?? link.target;
    link.sndSettleMode = attach.sndSettleMode ?? link.sndSettleMode;
    link.rcvSettleMode = attach.rcvSettleMode ?? link.rcvSettleMode;
    if (refused) return;
    link.onAttached(attach);
    this.connection.events.push({ type: 'attached', link, attach });
  }

  #onOffer(attach: Attach): void {
    const state: LinkState = 'offered';
    const handle = this.#links.next;
    const options = {
      source: attach.source,
      target: attach.target,
      sndSettleMode: attach.sndSettleMode,
      rcvSettleMode: attach.rcvSettleMode,
    };
    let link: AnyLink;
    if (attach.role === 'sender') {
      link = new ReceiverLink(this, attach.name, handle, options, state);
      link.deliveryCount = attach.initialDeliveryCount ?? 0;
      this.connection.receivers.set(link.name, link);
    } else {
      link = new SenderLink(this, attach.name, handle, options, state);
      this.connection.senders.set(link.name, link);
    }
    link.remoteHandle = attach.handle;
    this.#links.add(link);
    this.#remoteLinks[attach.handle] = link;
    this.connection.events.push({ type: 'attach', link, attach });
  }

  /** The link of a peer's handle; when there is none the session is over. */
  #attached(remoteHandle: number): AnyLink | undefined {
    if (remoteHandle > this.connection.settings.handleMax) {
      throw new AmqpProtocolError(conditions.framingError, `link handle ${remoteHandle} is above handle-max`);
    }
    const link = this.#remoteLinks[remoteHandle];
    if (link === undefined) this.fail(conditions.unattachedHandle, `link handle ${remoteHandle} is not attached`);
    return link;
  }

  #dropLinks(error: AmqpError | undefined): void {
    for (const link of this.#links) {
      link.release();
      link.state = 'detached';
      this.connection.forgetLink(link);
      this.report(link, error);
    }
  }

  #wakeWaiting(): void {
    for (let link = this.waiting.shift(); link !== undefined; link = this.waiting.shift()) {
      if (link.canSend()) this.connection.scheduler.enqueue(link, this.connection.now);
      else link.queued = false;
    }
  }

  /**
   * Tells the peer how many frames it may send. The flow names a link, if there is one: a router that has used up the window sleeps until a flow
   * of one of the session's links wakes it, skupper-router 3.5 for ever (wire reference 2.2).
   */
  #tellWindow(): void {
    const link = this.#lastReceiver?.state === 'attached' ? this.#lastReceiver : this.#anyReceiver();
    if (link === undefined) this.#sendFlow({});
    else this.sendLinkFlow(link, link.deliveryCount, link.credit, link.draining || undefined);
  }

  #anyReceiver(): ReceiverLink | undefined {
    for (const link of this.#links) if (link instanceof ReceiverLink && link.state === 'attached') return link;
    return undefined;
  }

  /** Each flow carries the session's state, so each widens the window. */
  #sendFlow(link: Partial<Flow>): void {
    if (this.gone) return;
    encodeFlow(this.connection.frameWriter(), this.channel, {
      nextIncomingId: this.remoteChannel < 0 ? undefined : this.#incomingWindow.nextIncomingId,
      incomingWindow: this.#incomingWindow.renew(),
      nextOutgoingId: this.#nextOutgoingId,
      outgoingWindow,
      ...link,
    });
  }

  #echo(link: AnyLink): void {
    this.sendLinkFlow(link, link.deliveryCount, link.credit, undefined);
  }
}

/** A peer that answers our terminus with none is about to detach (2.6.3). */
function refuses(link: AnyLink, attach: Attach): boolean {
  if (link.role === 'sender') {
    return link.target !== undefined && attach.target === undefined && attach.coordinator === undefined;
  }
  return link.source !== undefined && attach.source === undefined;
}
