/**
 * One AMQP 1.0 connection as a pure machine (2.4): octets and time in, octets, events and a deadline out.
 *
 * The owner calls `receive` with what it read, drains `nextEvent`, acts on sessions, links and deliveries, and calls `transmit` while
 * `wantsTransmit`; `transmit` may raise events too. A peer that breaks the protocol is told why and closed: `receive` never
 * throws for it. Nothing here reads a clock: `now` is the owner's, in milliseconds.
 */
import {
  decodeAttach,
  decodeBegin,
  decodeDetach,
  decodeDisposition,
  decodeEndOrClose,
  decodeFlow,
  decodeOpen,
} from '../codec/decode-performative.ts';
import { encodeClose, encodeEmptyFrame, encodeOpen } from '../codec/encode-performative.ts';
import { AmqpDecodeError } from '../codec/errors.ts';
import { type AmqpError, descriptors, type Open, type Transfer } from '../codec/performatives.ts';
import type { Reader } from '../codec/reader.ts';
import { Writer } from '../codec/writer.ts';
import { AmqpLimitError, AmqpProtocolError, conditions } from './conditions.ts';
import { type AnyLink, type ConnectionEvent, EventQueue } from './events.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';
import { HandleTable } from './handle-table.ts';
import { Handshake } from './handshake.ts';
import type { IncomingDelivery } from './incoming-delivery.ts';
import { blockSizeBytes, frameSizeBytesMin } from './limits.ts';
import { Liveness, type LivenessGroup, type Pace } from './liveness.ts';
import {
  type ConnectionOptions,
  type SaslMechanism,
  type SessionOptions,
  type Settings,
  settingsOf,
} from './options.ts';
import type { ReceiverLink } from './receiver-link.ts';
import { Scheduler } from './scheduler.ts';
import type { SenderLink } from './sender-link.ts';
import { Session } from './session.ts';
import { TransferEncoder } from './transfer-encoder.ts';

export interface ConnectionStats {
  framesIn: number;
  framesOut: number;
  octetsIn: number;
  octetsOut: number;
  transfersIn: number;
  transfersOut: number;
  /** Times that the peer broke a rule: of the connection, of a session, or of a link. */
  faultsIn: number;
}

export type ConnectionState =
  /** Headers, SASL, or waiting for the peer's open. */
  | 'opening'
  | 'open'
  /** Our close is out. */
  | 'closing'
  | 'closed';

export class Connection implements FrameHandler {
  readonly settings: Settings;
  state: ConnectionState = 'opening';
  /** The peer's open, from 'opened' on. */
  remoteOpen: Open | undefined = undefined;
  /** It was closed because nothing came from the peer any more. */
  silent = false;
  readonly stats: ConnectionStats = {
    framesIn: 0,
    framesOut: 0,
    octetsIn: 0,
    octetsOut: 0,
    transfersIn: 0,
    transfersOut: 0,
    faultsIn: 0,
  };
  /** When the last delivery of any link began, ms; -1 when there was none. */
  lastDeliveryAt = -1;
  /** For the owner. */
  context: object | undefined = undefined;

  /** Engine only. */
  now: number;
  readonly events = new EventQueue();
  readonly scheduler = new Scheduler();
  /** Engine only. Links by name, to match an answer to its attach. */
  readonly senders = new Map<string, SenderLink>();
  readonly receivers = new Map<string, ReceiverLink>();

  readonly #reader: FrameReader;
  /** AMQP frames; held back until the AMQP header is out. */
  readonly #writer = new Writer(blockSizeBytes);
  readonly #encoder = new TransferEncoder(this.#writer);
  readonly #handshake: Handshake;
  readonly #sessions = new HandleTable<Session>();
  readonly #remoteSessions: (Session | undefined)[] = [];
  #draining: SenderLink[] = [];

  #openSent = false;
  #closeSent = false;
  #closeError: AmqpError | undefined = undefined;
  readonly #liveness: Liveness;
  #remoteFrameSizeBytesMax = frameSizeBytesMin;

  /** The delivery whose payload is arriving, undefined to drop it. */
  #delivery: IncomingDelivery | undefined = undefined;
  #deliveryMore = false;

  constructor(options: ConnectionOptions, now: number) {
    this.settings = settingsOf(options);
    this.now = now;
    this.#liveness = new Liveness(2 * (this.settings.idleTimeOutMs || Number.POSITIVE_INFINITY), now);
    this.#reader = new FrameReader(this, this.settings.maxFrameSizeBytes);
    this.#handshake = new Handshake(this.settings);
  }

  /** The SASL mechanism by which the peer came in, undefined without SASL. */
  get saslMechanism(): SaslMechanism | undefined {
    return this.#handshake.mechanism;
  }

  /** Who has come in by SASL PLAIN. */
  get saslUser(): string | undefined {
    return this.#handshake.user;
  }

  /** Takes octets that the peer sent. They may be referred to by events: do not change them. */
  receive(bytes: Buffer, now: number): void {
    this.now = now;
    if (this.state === 'closed') return;
    this.#liveness.received(now);
    this.stats.octetsIn += bytes.length;
    try {
      this.#reader.push(bytes);
    } catch (thrown) {
      if (thrown instanceof AmqpProtocolError) this.#fail(thrown.condition, thrown.message);
      else if (thrown instanceof AmqpDecodeError) this.#fail(thrown.condition, thrown.message);
      else throw thrown;
    }
  }

  /** Whether what is received next begins a frame: for traces. */
  get betweenFrames(): boolean {
    return this.#reader.betweenFrames;
  }

  /** True when `transmit` has something to push. */
  get wantsTransmit(): boolean {
    if (this.#handshake.output.pending > 0) return true;
    if (!this.#handshake.amqpHeaderSent) return false;
    if (this.#writer.pending > 0) return true;
    return this.state === 'open' && (this.#draining.length > 0 || !this.scheduler.empty);
  }

  /**
   * Pushes about `budgetBytes` of octets to send, in order; returns how many. 0: nothing to send now. Control frames go whole
   * whatever the budget. The buffers must not be changed, and may be kept until they are written.
   */
  transmit(budgetBytes: number, into: Buffer[], now: number): number {
    this.now = now;
    let sentBytes = 0;
    if (this.#handshake.output.pending > 0) {
      const preamble = this.#handshake.output.take();
      into.push(preamble);
      sentBytes = preamble.length;
    }
    if (this.#handshake.amqpHeaderSent) {
      const controlBytes = this.#writer.pending;
      this.#encoder.begin(into, this.#remoteFrameSizeBytesMax);
      if (this.state === 'open') {
        this.scheduler.run(this.#encoder, budgetBytes - sentBytes - controlBytes);
        if (this.#draining.length > 0) this.#answerDrains();
      }
      sentBytes += this.#encoder.end();
    }
    if (sentBytes > 0) {
      this.#liveness.transmitted(now);
      this.stats.octetsOut += sentBytes;
    }
    return sentBytes;
  }

  nextEvent(): ConnectionEvent | undefined {
    return this.events.shift();
  }

  /** When `tick` is due next, Infinity for never. */
  deadline(): number {
    return this.state === 'closed' ? Number.POSITIVE_INFINITY : this.#liveness.deadline();
  }

  /** Both ends know how to be quicker than what they advertise to others; never slower than that. */
  hurry(pace: Pace): void {
    this.#liveness.hurry(pace);
  }

  /** Is one of several connections between the same two ends, which speak for each other. */
  joinGroup(group: LivenessGroup): void {
    this.#liveness.join(group);
  }

  /** What came over it was late not long ago: the network between loses what is sent. */
  get isTroubled(): boolean {
    return this.#liveness.isTroubled;
  }

  leaveGroup(): void {
    this.#liveness.leave();
  }

  /** Lets time pass: sends a heartbeat, drops a silent peer. */
  tick(now: number): void {
    this.now = now;
    if (this.state === 'closed') return;
    if (this.#liveness.isSilent(now)) {
      this.silent = true;
      this.#fail(conditions.resourceLimitExceeded, 'the peer was silent for longer than the idle time-out');
    } else if (this.#liveness.isHeartbeatDue(now)) {
      if (!this.wantsTransmit) encodeEmptyFrame(this.frameWriter());
      this.#liveness.transmitted(now);
    }
  }

  /** Sends our open; on an acceptor it waits for the peer's header. Once. */
  open(): void {
    if (this.#openSent || this.state === 'closed') return;
    this.#openSent = true;
    const { settings } = this;
    encodeOpen(this.frameWriter(), {
      containerId: settings.containerId,
      hostname: settings.hostname,
      maxFrameSize: settings.maxFrameSizeBytes,
      channelMax: settings.channelMax,
      idleTimeOut: settings.idleTimeOutMs,
      offeredCapabilities: settings.offeredCapabilities,
      desiredCapabilities: settings.desiredCapabilities,
      properties: settings.properties,
    });
  }

  /** Sends our close at once: what is queued on links is lost. */
  close(error?: AmqpError): void {
    if (this.#closeSent || this.state === 'closed') return;
    this.open();
    this.#closeSent = true;
    this.#closeError = error;
    encodeClose(this.frameWriter(), { error });
    this.state = 'closing';
  }

  /** The transport is lost: nothing more comes or goes. */
  peerGone(): void {
    if (this.state === 'closed') return;
    this.#finish(
      { condition: conditions.connectionForced, description: 'the transport was lost' },
      this.#closeSent ? 'local' : 'remote',
    );
    this.#handshake.output.discard();
    this.#writer.discard();
  }

  /** A channel is left for another session. */
  get canBegin(): boolean {
    return this.#sessions.next <= Math.min(this.settings.channelMax, this.remoteOpen?.channelMax ?? 0xffff);
  }

  /** The largest frame that the peer takes. */
  get remoteFrameSizeBytesMax(): number {
    return this.#remoteFrameSizeBytesMax;
  }

  /** Opens a session. Throws `AmqpLimitError` when the peer takes no more. */
  begin(options: SessionOptions = {}): Session {
    const channel = this.#sessions.next;
    if (!this.canBegin) {
      throw new AmqpLimitError('no channel is left for another session', {
        condition: conditions.resourceLimitExceeded,
      });
    }
    const session = new Session(this, channel, options.incomingWindowFrames ?? this.settings.incomingWindowFrames);
    this.#sessions.add(session);
    session.sendBegin();
    return session;
  }

  sessions(): Iterable<Session> {
    return this.#sessions;
  }

  // What follows is for the engine only.

  /** The writer to encode one control frame with. */
  frameWriter(): Writer {
    this.stats.framesOut += 1;
    return this.#writer;
  }

  countFault(): void {
    this.stats.faultsIn += 1;
  }

  requestDrained(link: SenderLink): void {
    if (!this.#draining.includes(link)) this.#draining.push(link);
  }

  forgetLink(link: AnyLink): void {
    if (link.role === 'sender' && this.senders.get(link.name) === link) this.senders.delete(link.name);
    if (link.role === 'receiver' && this.receivers.get(link.name) === link) this.receivers.delete(link.name);
  }

  forget(session: Session): void {
    this.#sessions.remove(session.channel);
    if (session.remoteChannel >= 0) this.#remoteSessions[session.remoteChannel] = undefined;
  }

  protocolHeader(protocolId: number, major: number, minor: number, revision: number): void {
    this.#reader.expected = this.#handshake.header(protocolId, major, minor, revision);
  }

  emptyFrame(): void {
    this.stats.framesIn += 1;
  }

  frame(channel: number, descriptor: number, reader: Reader): void {
    this.stats.framesIn += 1;
    if (this.#reader.expected === 1) {
      this.#reader.expected = this.#handshake.saslFrame(descriptor, reader);
      return;
    }
    if (this.remoteOpen === undefined && descriptor !== descriptors.open) {
      throw new AmqpProtocolError(conditions.illegalState, 'the first frame is not an open');
    }
    if (this.#closeSent && descriptor !== descriptors.close) return;
    switch (descriptor) {
      case descriptors.open:
        this.#onOpen(decodeOpen(reader));
        break;
      case descriptors.begin:
        this.#onBegin(channel, reader);
        break;
      case descriptors.attach:
        this.#session(channel).onAttach(decodeAttach(reader));
        break;
      case descriptors.flow:
        this.#session(channel).onFlow(decodeFlow(reader));
        break;
      case descriptors.disposition:
        this.#session(channel).onDisposition(decodeDisposition(reader));
        break;
      case descriptors.detach:
        this.#session(channel).onDetach(decodeDetach(reader));
        break;
      case descriptors.end:
        this.#session(channel).onEnd(decodeEndOrClose(reader).error);
        break;
      case descriptors.close:
        this.#onClose(decodeEndOrClose(reader).error);
        break;
      default:
        throw new AmqpProtocolError(conditions.framingError, `descriptor ${descriptor} is no performative`);
    }
  }

  transfer(channel: number, transfer: Transfer): void {
    this.stats.framesIn += 1;
    this.stats.transfersIn += 1;
    if (this.remoteOpen === undefined)
      throw new AmqpProtocolError(conditions.illegalState, 'the first frame is not an open');
    this.#delivery = this.#closeSent ? undefined : this.#session(channel).onTransfer(transfer);
    this.#deliveryMore = transfer.more && !transfer.aborted;
  }

  payload(piece: Buffer, frameEnds: boolean): void {
    const delivery = this.#delivery;
    if (delivery === undefined) return;
    const last = frameEnds && !this.#deliveryMore;
    delivery.sizeBytes += piece.length;
    if (!delivery.discarded) this.#handOn(delivery, piece, last);
    if (last) delivery.link.onComplete(delivery);
  }

  #handOn(delivery: IncomingDelivery, piece: Buffer, last: boolean): void {
    const { link } = delivery;
    if (link.maxMessageSize > 0 && delivery.sizeBytes > link.maxMessageSize) {
      link.fail(conditions.messageSizeExceeded, `a message is larger than ${link.maxMessageSize} octets`);
      return;
    }
    const first = !delivery.begun;
    if (piece.length === 0 && !first && !last) return;
    delivery.begun = true;
    this.events.push({ type: 'transfer', delivery, payload: piece, first, last, aborted: delivery.aborted });
  }

  #onOpen(open: Open): void {
    if (this.remoteOpen !== undefined) throw new AmqpProtocolError(conditions.illegalState, 'a second open arrived');
    this.remoteOpen = open;
    this.#remoteFrameSizeBytesMax = Math.max(frameSizeBytesMin, open.maxFrameSize ?? 0xffffffff);
    if (open.idleTimeOut !== undefined && open.idleTimeOut > 0) this.#liveness.remoteIdleTimeOut(open.idleTimeOut);
    if (this.state === 'opening') this.state = 'open';
    this.events.push({ type: 'opened' });
  }

  #onBegin(channel: number, reader: Reader): void {
    const begin = decodeBegin(reader);
    if (channel > this.settings.channelMax) {
      throw new AmqpProtocolError(conditions.framingError, `channel ${channel} is above channel-max`);
    }
    if (this.#remoteSessions[channel] !== undefined) {
      throw new AmqpProtocolError(conditions.notAllowed, `channel ${channel} has a session already`);
    }
    let session: Session | undefined;
    if (begin.remoteChannel === undefined) {
      session = new Session(this, this.#sessions.next, this.settings.incomingWindowFrames);
      this.#sessions.add(session);
      session.onBegin(begin, channel);
      session.sendBegin();
    } else {
      session = this.#sessions.get(begin.remoteChannel);
      if (session === undefined || session.remoteChannel >= 0) {
        throw new AmqpProtocolError(conditions.notAllowed, `a begin answers none of ours on ${begin.remoteChannel}`);
      }
      session.onBegin(begin, channel);
    }
    this.#remoteSessions[channel] = session;
  }

  #onClose(error: AmqpError | undefined): void {
    const local = this.#closeSent;
    if (!local) this.close();
    this.#finish(error ?? (local ? this.#closeError : undefined), local ? 'local' : 'remote');
  }

  #session(channel: number): Session {
    const session = this.#remoteSessions[channel];
    if (session !== undefined) return session;
    if (channel > this.settings.channelMax) {
      throw new AmqpProtocolError(conditions.framingError, `channel ${channel} is above channel-max`);
    }
    throw new AmqpProtocolError(conditions.notAllowed, `channel ${channel} has no session`);
  }

  /** The peer broke the protocol, or fell silent: says so where AMQP is spoken already, and ends. */
  #fail(condition: string, description: string): void {
    this.countFault();
    const error = { condition, description };
    if (this.#handshake.amqpHeaderSent) this.close(error);
    this.#finish(error, 'protocol');
  }

  #finish(error: AmqpError | undefined, by: 'local' | 'remote' | 'protocol'): void {
    this.state = 'closed';
    this.#reader.stopped = true;
    this.#draining = [];
    for (const session of this.#sessions) session.onClosed();
    this.events.push({ type: 'closed', error, by });
  }

  #answerDrains(): void {
    const links = this.#draining;
    this.#draining = [];
    for (const link of links) link.drained();
  }
}
