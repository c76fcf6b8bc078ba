/**
 * The listener's end of a flow: a client's connection that was accepted here. It sends the stream to the service's
 * address at once, with a temporary address of its own to answer to, and begins to read from the client when the
 * answering stream has come: that is how it learns that the service's end has a connection to the backend. Until then
 * nothing of the client has been read, and when an address refuses, the next of the listener's is tried.
 */
import type { AmqpError, DeliveryState } from '../amqp/codec/performatives.ts';
import { DIAL_PATIENCE_MS } from '../core/limits.ts';
import type { Candidate, Outlet, Rerouter } from '../core/transit.ts';
import { Transit } from '../core/transit.ts';
import type { Clients } from '../identity/client.ts';
import {
  guessProtocol,
  type HttpProtocol,
  makeObserver,
  type Observer,
  type ObserverKind,
} from '../observer/observer.ts';
import { policyError, reasonOf, refusedText } from '../policy/refusal.ts';
import type { Door, Gated, Refusal } from '../policy/ticket.ts';
import { Flow } from './flow.ts';
import type { FlowEntity, FlowOwner, SocketEnd } from './flow-owner.ts';
import { type FlowTerms, flowTermsOf } from './flow-terms.ts';
import type { ListenerTrace } from './flow-tracer.ts';
import type { AddressTrial, ListenerAddress } from './listener-address.ts';
import { RELEASED } from './outcomes.ts';
import type { BridgePolicies } from './policies.ts';
import type { FlowRecorder, ListenerNote } from './recorder.ts';
import type { Pausing } from './resume/agenda.ts';
import { composeStreamHead, STREAM_CONTENT_TYPE, StreamHeadReader, streamAnnotations } from './stream-head.ts';

export interface ListenerFlowRoute {
  /** The tcpListener. */
  listener: string;
  routerId: string;
  /** What addresses of this router alone begin with. */
  home: string;
  /** By which the answering stream finds this flow. */
  replyName: string;
  /** Addresses of the service, one after the other. */
  trial: AddressTrial;
  dispatcher: Dispatcher;
  client: SocketEnd | undefined;
  clients: Clients;
  recorder: FlowRecorder | undefined;
  /** For what to look in the flow. */
  observer: ObserverKind;
}

/** Sends a transit on its way; the forwarder. */
export interface Dispatcher extends Rerouter {
  forward(transit: Transit, head: Buffer): boolean;
  /** The same for one that has been on its way to another address. */
  redirect(transit: Transit, head: Buffer): boolean;
}

export class ListenerFlow extends Flow implements Candidate, Rerouter, Pausing, Gated {
  readonly cost = 0;
  readonly openCount = 0;
  private readonly route: ListenerFlowRoute;
  private reader: StreamHeadReader | undefined = new StreamHeadReader();
  /** Some try had little time, or none. */
  private wasHurried = false;
  replyName: string;
  private token: number | undefined;
  dueAt = Number.POSITIVE_INFINITY;
  readonly isAsking = false;
  /** Of a policy at the other end, that has refused it. */
  private refusal: AmqpError | undefined;
  private firstLostAt: number | undefined;
  protected readonly note: ListenerNote | undefined;
  readonly trace: ListenerTrace | undefined;
  /** ms */
  private readonly acceptedAt: number;
  private observer: Observer | undefined;
  /** What the client's first octets say; nobody need have asked for more. */
  private guess: HttpProtocol | undefined;

  constructor(id: number, owner: FlowOwner, entity: FlowEntity, route: ListenerFlowRoute) {
    super(id, owner, entity);
    this.route = route;
    this.replyName = route.replyName;
    this.acceptedAt = owner.now;
    this.note = route.recorder?.accepted(this);
    this.trace = owner.tracer?.accepted(this, route.listener);
    const { exchanges } = this.note ?? {};
    if (exchanges !== undefined) this.observer = makeObserver(route.observer, exchanges, route.client?.alpn);
  }

  get client(): SocketEnd | undefined {
    return this.route.client;
  }

  get listenerAddress(): ListenerAddress | undefined {
    return this.route.trial.address;
  }

  /** What the client speaks beside TCP, as far as the listener's observer looks. */
  get protocol(): HttpProtocol | undefined {
    return this.observer?.protocol ?? this.guess;
  }

  override received(bytes: Buffer): boolean {
    if (this.bytesIn === 0) this.guess = guessProtocol(this.route.observer, bytes);
    if (this.observer !== undefined) {
      this.observer.client(bytes, this.owner.now);
      if (!this.observer.active) this.dropObserver();
    }
    return super.received(bytes);
  }

  protected override writeBody(bytes: Buffer): void {
    if (this.observer !== undefined) {
      this.observer.server(bytes, this.owner.now);
      if (!this.observer.active) this.dropObserver();
    }
    super.writeBody(bytes);
  }

  /** It cannot follow: what began as HTTP is TCP from here on. */
  private dropObserver(): void {
    if (this.guess !== undefined) this.owner.observerGaveUp();
    this.observer = undefined;
    this.guess = undefined;
  }

  /** The connection is over, and with it the exchanges that lasted as long. */
  endObservation(): void {
    this.observer?.end(this.owner.now);
    this.observer = undefined;
  }

  get replyKey(): string {
    return `${REPLY_PREFIX}${this.replyName}`;
  }

  /** Policies allow it, within their limits. */
  letIn(): void {
    if (this.ticket === undefined) return;
    // Where it was sent before, other octets may have counted; none of this one has come yet.
    this.meter?.leave();
    this.meter = this.owner.policies.meterOf(this, this.ticket);
  }

  passed(): void {
    const address = this.route.trial.next();
    const full = this.ticket?.refusal;
    if (full !== undefined) this.turnedAway(full);
    else if (address === undefined) this.breakOff(true);
    else {
      this.letIn();
      this.start(address);
    }
  }

  turnedAway({ reason }: Refusal): void {
    this.breakOff(true, refusedText(reason));
  }

  doorBy(policies: BridgePolicies): Door | undefined {
    return policies.listenerDoorOf(this.entity, this.listenerAddress, this.client?.host);
  }

  /** @param address the first of the trial */
  start(address: string): void {
    const source = new Transit(this, this, 0, false);
    source.annotations = streamAnnotations(this.route.routerId);
    source.affinity = this.route.trial.client;
    source.to = address;
    this.source = source;
    this.beHurried(source);
    if (this.route.dispatcher.forward(source, this.headTo(address)) || this.tryNext(source)) return;
    if (!this.over && this.firstLostAt !== undefined) this.sourceRefused(RELEASED);
    else this.breakOff(true);
  }

  /**
   * The way was lost before anybody had answered, and nothing of the client was read: it is tried anew, for a while, since the network
   * needs a moment to know of another way. Whoever has a backend and refuses says so in another state.
   */
  protected override sourceRefused(state: DeliveryState | undefined): void {
    const { survivals, now } = this.owner;
    this.firstLostAt ??= now;
    if (state?.state !== 'released' || this.isAnswered || now - this.firstLostAt >= RETRY_WITHIN_MS) {
      super.sourceRefused(state, this.refusedThere(state));
      return;
    }
    survivals.agenda.set(this, now + RETRY_MS);
  }

  /** What a policy at the other end has said; of several connectors one may have refused so, and others been out of reach. */
  private refusedThere(state: DeliveryState | undefined): string | undefined {
    const error = policyError(state) ?? this.refusal;
    if (error === undefined || this.isAnswered) return undefined;
    const reason = reasonOf(error);
    const { listener, trial } = this.route;
    this.owner.policies.refusedElsewhere(listener, trial.address?.address ?? '', reason);
    return refusedText(reason);
  }

  /** Refused: nobody has taken it, and it was not the client that left. */
  protected override countBroken(resetSocket: boolean): void {
    if (!resetSocket || this.isAnswered) super.countBroken(resetSocket);
    else this.entity.counters.connectionsRefused++;
  }

  act(): void {
    const before = this.source;
    this.owner.survivals.agenda.delete(this);
    if (this.over || before === undefined) return;
    this.source = undefined;
    before.abort();
    this.newAnswer();
    this.start(before.to);
  }

  /** Another consumer of the address, else another address. */
  reroute(transit: Transit): boolean {
    this.refusal = transit.refusal ?? this.refusal;
    this.beHurried(transit);
    this.newAnswer();
    transit.headPatienceMs = undefined;
    return this.route.dispatcher.redirect(transit, this.headTo(transit.to)) || this.tryNext(transit);
  }

  /** Whoever had the stream may answer yet, and must not be taken for who has it now. */
  private newAnswer(): void {
    this.replyName = this.owner.renameReply(this);
    this.token = undefined;
  }

  private tryNext(source: Transit): boolean {
    if (this.tryRest(source)) return true;
    // What was given up early, or not asked at all, is better than nothing.
    if (!this.wasHurried || !this.route.trial.restart()) return false;
    source.isLastRound = true;
    return this.tryRest(source);
  }

  private tryRest(source: Transit): boolean {
    const { trial, dispatcher } = this.route;
    const isExcused = source.refusal !== undefined;
    for (let address = trial.next(isExcused); address !== undefined; address = trial.next()) {
      this.letIn();
      source.to = address;
      source.tried.clear();
      source.headPatienceMs = undefined;
      this.beHurried(source);
      if (dispatcher.redirect(source, this.headTo(address))) return true;
      this.noteHurry(source);
    }
    return false;
  }

  /** As long as there is another address, none has much time. */
  private beHurried(source: Transit): void {
    this.noteHurry(source);
    source.patienceMs = this.route.trial.hasMore ? DIAL_PATIENCE_MS : undefined;
  }

  private noteHurry({ patienceMs, tryMs }: Transit): void {
    this.wasHurried ||= patienceMs !== undefined || tryMs !== undefined;
  }

  /** The other end has taken the offer. */
  private surviveWith({ token, address, limitMs }: FlowTerms): void {
    if (token === undefined || token !== this.token || address === undefined || limitMs === undefined) return;
    this.survive({
      token,
      name: this.replyName,
      address,
      limitMs: Math.min(limitMs, this.owner.survivals.limitMs),
      asks: true,
    });
  }

  /** What this end says of itself. */
  private get terms(): FlowTerms {
    const { limitMs, random } = this.owner.survivals;
    if (limitMs === 0) return { offerKib: this.offerKib };
    this.token ??= Math.floor(random() * TOKEN_COUNT);
    return { offerKib: this.offerKib, token: this.token, limitMs };
  }

  private headTo(address: string): Buffer {
    const { home, trial } = this.route;
    const { alpn, ends } = this.client ?? {};
    return composeStreamHead(
      address,
      `${home}${this.replyKey}`,
      trial.client,
      this.note?.identity,
      alpn,
      ends,
      this.termsTo(address),
    );
  }

  private termsTo(address: string): FlowTerms {
    const { clients, listener, client } = this.route;
    const claim = clients.claimOf(clients.accepted(client?.host, listener), address);
    if (this.trace === undefined) return { ...this.terms, claim };
    return { ...this.terms, claim, trace: this.trace.routed(address) };
  }

  take(transit: Transit): Outlet | undefined {
    if (this.over || this.sink || this.sinkEnd !== this) return undefined;
    this.sink = transit;
    return this;
  }

  done(): void {}

  override write(bytes: Buffer): void {
    if (this.reader === undefined) {
      if (this.sinkEnd === this) this.writeBody(bytes);
      return;
    }
    const parsed = this.reader.read(bytes);
    if (!parsed) return;
    this.reader = undefined;
    if (parsed.head?.properties?.contentType !== STREAM_CONTENT_TYPE) {
      this.breakOff(true);
      return;
    }
    this.source?.commit();
    this.trace?.answered();
    this.owner.connectTimes.observe((this.owner.now - this.acceptedAt) / 1000, this.trace?.traceId);
    const terms = flowTermsOf(parsed.head.deliveryAnnotations);
    this.agree(terms);
    if (terms !== undefined) this.surviveWith(terms);
    this.openSource();
    this.writeBody(parsed.rest);
  }
}

export const REPLY_PREFIX = 'temp.';
/** A stream that has lost its way before it was answered is sent again so soon, and no more after the other. */
const RETRY_MS = 50;
const RETRY_WITHIN_MS = 2500;
/** What a number of any of its kinds holds exactly. */
const TOKEN_COUNT = 2 ** 48;
