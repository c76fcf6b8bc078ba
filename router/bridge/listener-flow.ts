/**
 * The listener's end of a flow: a client's connection that was accepted here. It sends the stream to the service's
 * address at once, with a temporary address of its own to answer to, and begins to read from the client when the
 * answering stream has come: that is how it learns that the service's end has a connection to the backend. Until then
 * nothing of the client has been read, and when an address refuses, the next of the listener's is tried.
 */
import { DIAL_PATIENCE_MS } from '../core/limits.ts';
import type { Candidate, Outlet, Rerouter } from '../core/transit.ts';
import { Transit } from '../core/transit.ts';
import {
  guessProtocol,
  type HttpProtocol,
  makeObserver,
  type Observer,
  type ObserverKind,
} from '../observer/observer.ts';
import { Flow, type FlowEntity, type FlowOwner, type SocketEnd } from './flow.ts';
import { flowTermsOf } from './flow-terms.ts';
import type { AddressTrial, ListenerAddress } from './listener-address.ts';
import type { FlowRecorder, ListenerNote } from './recorder.ts';
import { composeStreamHead, STREAM_CONTENT_TYPE, StreamHeadReader, streamAnnotations } from './stream-head.ts';

export interface ListenerFlowRoute {
  routerId: string;
  /** What addresses of this router alone begin with. */
  home: string;
  /** Key under which the answering stream finds this flow, without its class character: `temp.xxx`. */
  replyKey: string;
  /** Addresses of the service, one after the other. */
  trial: AddressTrial;
  dispatcher: Dispatcher;
  client: SocketEnd | undefined;
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

export class ListenerFlow extends Flow implements Candidate, Rerouter {
  readonly cost = 0;
  readonly openCount = 0;
  private readonly route: ListenerFlowRoute;
  private reader: StreamHeadReader | undefined = new StreamHeadReader();
  /** Some try had little time, or none. */
  private wasHurried = false;
  protected readonly note: ListenerNote | undefined;
  private observer: Observer | undefined;
  /** What the client's first octets say; nobody need have asked for more. */
  private guess: HttpProtocol | undefined;

  constructor(id: number, owner: FlowOwner, entity: FlowEntity, route: ListenerFlowRoute) {
    super(id, owner, entity);
    this.route = route;
    this.note = route.recorder?.accepted(this);
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
    return this.route.replyKey;
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
    this.breakOff(true);
  }

  /** Another consumer of the address, else another address. */
  reroute(transit: Transit): boolean {
    this.beHurried(transit);
    return this.route.dispatcher.reroute(transit) || this.tryNext(transit);
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
    for (let address = trial.next(); address !== undefined; address = trial.next()) {
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

  private headTo(address: string): Buffer {
    const { home, replyKey, trial } = this.route;
    const { alpn, ends } = this.client ?? {};
    return composeStreamHead(address, `${home}${replyKey}`, trial.client, this.note?.identity, alpn, ends, this.terms);
  }

  take(transit: Transit): Outlet | undefined {
    if (this.over || this.sink) return undefined;
    this.sink = transit;
    return this;
  }

  done(): void {}

  override write(bytes: Buffer): void {
    if (this.reader === undefined) {
      this.writeBody(bytes);
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
    this.agree(flowTermsOf(parsed.head.deliveryAnnotations));
    this.openSource();
    this.writeBody(parsed.rest);
  }
}
