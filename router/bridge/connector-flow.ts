/**
 * The connector's end of a flow: a stream that has arrived for a service. The backend is dialled when the stream's
 * head is whole, and the answering stream is sent when the backend has accepted; a backend that refuses is told to
 * the stream's way as `modified`, so that another connector can be tried while nothing has been sent.
 */

import type { PolicyClient, RuleReference } from '../../lib/policy/types.ts';
import type { DeliveryState } from '../amqp/codec/performatives.ts';
import type { Typed } from '../amqp/codec/value.ts';
import type { ClientEnds } from '../core/client-ends.ts';
import { isDoubted } from '../core/doubt.ts';
import { BACKEND_CONNECT_TIMEOUT_MS, MESSAGE_HEAD_BYTES_MAX } from '../core/limits.ts';
import { Transit } from '../core/transit.ts';
import type { Clients, Said, StreamOrigin } from '../identity/client.ts';
import { refusedState, refusedText } from '../policy/refusal.ts';
import type { Door, Gated, Refusal } from '../policy/ticket.ts';
import { Flow } from './flow.ts';
import type { FlowEntity, FlowOwner, SocketEnd } from './flow-owner.ts';
import { type FlowTerms, flowTermsOf } from './flow-terms.ts';
import type { ConnectorTrace } from './flow-tracer.ts';
import { type Dispatcher, REPLY_PREFIX } from './listener-flow.ts';
import { FAILED, REJECTED, RELEASED } from './outcomes.ts';
import type { BridgePolicies } from './policies.ts';
import type { ConnectorNote, FlowRecorder } from './recorder.ts';
import { flowAddress } from './resume/survival.ts';
import {
  alpnOf,
  clientOf,
  composeAnswerHead,
  STREAM_CONTENT_TYPE,
  StreamHeadReader,
  streamAnnotations,
} from './stream-head.ts';

export interface ConnectorFlowParts {
  connector: string;
  routerId: string;
  dispatcher: Dispatcher;
  stream: Transit;
  now: number;
  recorder: FlowRecorder | undefined;
  /** Says when the backend may be dialled: at once when absent. */
  gate?: DialGate;
  clients: Clients;
  ingressOf?: (transit: Transit) => string | undefined;
}

/** The tcpConnector, as far as it has limits. */
export interface DialGate {
  openCount: number;
  /** @returns false when the flow waits, for `dial` or `passed` to be called, or is refused */
  admits(flow: ConnectorFlow): boolean;
  /** The same of one that policies allow. */
  places(flow: ConnectorFlow): boolean;
  readonly settings: { readonly connectTimeoutMs: number };
}

export class ConnectorFlow extends Flow implements Gated {
  readonly connector: string;
  /** When the connector took the stream, ms. */
  readonly takenAt: number;
  /** The backend has no longer than that: the flow has another way. */
  readonly withinMs: number | undefined;
  private readonly routerId: string;
  private readonly dispatcher: Dispatcher;
  private reader: StreamHeadReader | undefined = new StreamHeadReader();
  private replyTo = '';
  /** Until it is answered. */
  private offer: FlowTerms | undefined;
  /** The listener's end may have taken another's answer. */
  private isDoubted = false;
  /** Of one that may go on over another way: by what its later streams find it. */
  flowName: string | undefined;
  private alpn: string | undefined;
  private client: ClientEnds | undefined;
  private readonly clients: Clients;
  private said: Said | undefined;
  /** Of its first stream: later ones bring nothing new of the client. */
  private readonly origin: StreamOrigin;
  private readonly gate: DialGate | undefined;
  /** What has come while it waits to be dialled; undefined when it does not. */
  private early: Buffer[] | undefined;
  private earlyEnd: { settled: boolean } | undefined;
  private readonly recorder: FlowRecorder | undefined;
  protected note: ConnectorNote | undefined;
  trace: ConnectorTrace | undefined;

  constructor(id: number, owner: FlowOwner, entity: FlowEntity, parts: ConnectorFlowParts) {
    super(id, owner, entity);
    this.connector = parts.connector;
    this.routerId = parts.routerId;
    this.dispatcher = parts.dispatcher;
    this.sink = parts.stream;
    this.takenAt = parts.now;
    this.withinMs = parts.stream.tryMs;
    this.recorder = parts.recorder;
    this.gate = parts.gate;
    this.clients = parts.clients;
    const { from, to: address } = parts.stream;
    this.origin = { from, address, at: parts.now, ingress: parts.ingressOf?.(parts.stream) };
  }

  /** Who is at the other end of the stream, when its head is whole. */
  get policyClient(): PolicyClient {
    return this.clients.ofStream(this.said, this.origin);
  }

  get unvouched(): string | undefined {
    return this.clients.unvouched(this.said, this.origin);
  }

  override write(bytes: Buffer): void {
    if (this.reader !== undefined) this.readHead(this.reader, bytes);
    else if (this.early === undefined || this.isDoubted) this.bodyOfFirst(bytes);
    else this.keep(this.early, bytes);
  }

  override get streamCounter(): { openCount: number } | undefined {
    return this.gate;
  }

  private bodyOfFirst(bytes: Buffer): void {
    if (this.sinkEnd !== this || bytes.length === 0) return;
    if (this.isDoubted) this.makeSure();
    else this.writeBody(bytes);
  }

  /**
   * The listener's end has taken an answer, this one or another's, since it sends. By the stream that it resumes the flow with, it says
   * again what came here; if this is not the one, it says that.
   */
  private makeSure(): void {
    if (this.over) return;
    if (this.survival !== undefined) {
      this.survival.lost();
      return;
    }
    // An answer from here, by an end that cannot ask whether it is the one, must not stay open beside the other's.
    if (this.source !== undefined) {
      this.breakOff(true);
      return;
    }
    // There was none: nobody needs the backend that is being dialled.
    this.owner.effects.push({ type: 'flow-reset', flow: this.id });
    this.refuse(FAILED);
  }

  private readHead(reader: StreamHeadReader, bytes: Buffer): void {
    // Nobody would ever end what is dialled now.
    if (this.over) return;
    const parsed = reader.read(bytes);
    if (!parsed) return;
    this.reader = undefined;
    const properties = parsed.head?.properties;
    if (properties?.contentType !== STREAM_CONTENT_TYPE || !properties.replyTo) {
      this.refuse(properties?.replyTo ? RELEASED : REJECTED);
      return;
    }
    this.replyTo = properties.replyTo;
    this.takeNote(properties.correlationId);
    this.alpn = alpnOf(parsed.head!);
    const { deliveryAnnotations } = parsed.head!;
    this.offer = flowTermsOf(deliveryAnnotations);
    this.isDoubted = this.offer?.token !== undefined && isDoubted(deliveryAnnotations);
    this.said = this.clients.said(this.offer?.claim);
    this.agree(this.offer);
    this.takeTrace(this.offer?.trace);
    this.client = clientOf(parsed.head!);
    if (this.gate?.admits(this) === false) this.early = [];
    else this.dial();
    this.write(parsed.rest);
  }

  override end(settled: boolean): void {
    if (this.isDoubted && !this.over && this.sinkEnd === this) this.makeSure();
    else if (this.early === undefined || this.over) super.end(settled);
    else this.earlyEnd = { settled };
  }

  /** Policies allow it, within their limits. */
  letIn(): void {
    if (this.ticket !== undefined) this.meter = this.owner.policies.meterOf(this, this.ticket);
  }

  passed(): void {
    this.letIn();
    if (this.gate?.places(this) !== false) this.dial();
  }

  /** By rules at another connector of this router. */
  get refusedBy(): readonly RuleReference[] {
    return this.sink?.refusedBy ?? [];
  }

  turnedAway({ by, reason }: Refusal): void {
    if (by !== undefined && this.sink !== undefined) this.sink.refusedBy = [...this.sink.refusedBy, by];
    this.entity.counters.connectionsRefused++;
    this.refuse(refusedState(reason), refusedText(reason));
  }

  /** Without a backend yet, it may go to another connector as one that was never let in. */
  override forbidden(refusal: Refusal): void {
    if (this.isAnswered || this.over) {
      super.forbidden(refusal);
      return;
    }
    this.owner.effects.push({ type: 'flow-reset', flow: this.id });
    this.turnedAway(refusal);
  }

  doorBy(policies: BridgePolicies): Door | undefined {
    return this.reader === undefined ? policies.connectorDoorOf(this.entity, this) : undefined;
  }

  /** The listener's end of the flow, when that is at this router too. */
  get otherEnd(): Flow | undefined {
    const inlet = this.sink?.inlet;
    return inlet instanceof Flow ? inlet : undefined;
  }

  /** There is no socket to write to yet, and hardly anybody sends before there is. */
  private keep(early: Buffer[], bytes: Buffer): void {
    if (bytes.length === 0) return;
    early.push(bytes);
    if (early.reduce((sum, { length }) => sum + length, 0) > MESSAGE_HEAD_BYTES_MAX) this.refuse(REJECTED);
  }

  /** The backend may be dialled. */
  dial(): void {
    const { connector, alpn, client, gate } = this;
    this.trace?.dialling();
    const { connectTimeoutMs = BACKEND_CONNECT_TIMEOUT_MS } = gate?.settings ?? {};
    const limitMs = Math.min(this.withinMs ?? connectTimeoutMs, connectTimeoutMs);
    this.owner.effects.push({ type: 'flow-connect', flow: this.id, connector, withinMs: limitMs, alpn, client });
    const { early = [], earlyEnd } = this;
    this.early = undefined;
    for (const bytes of early) this.writeBody(bytes);
    if (earlyEnd) super.end(earlyEnd.settled);
  }

  /**
   * The backend has accepted: answer, and read from it.
   * @param local this router's end of the connection
   */
  connected(local?: SocketEnd): void {
    if (this.over) return;
    this.note?.connected(local);
    this.trace?.connected();
    const source = new Transit(this, this.dispatcher, 0, false);
    source.annotations = streamAnnotations(this.routerId);
    source.to = this.replyTo;
    this.source = source;
    const head = composeAnswerHead(this.replyTo, this.answerTerms());
    this.offer = undefined;
    if (this.dispatcher.forward(source, head)) this.openSource();
    else this.breakOff(true);
  }

  /** What this end says of itself: where it is reached, if it takes the offer that the flow survives. */
  private answerTerms(): FlowTerms | undefined {
    if (this.offer === undefined) return undefined;
    const { offerKib } = this;
    const { token, limitMs } = this.offer;
    const { survivals } = this.owner;
    const at = this.replyTo.lastIndexOf(`/${REPLY_PREFIX}`);
    // Of a flow of this router's own there is no way that could be lost.
    const isFit = survivals.limitMs > 0 && this.sink?.from !== 0 && at >= 0;
    if (token === undefined || limitMs === undefined || !isFit) return { offerKib };
    const name = this.owner.nameFlow(this);
    const address = flowAddress(this.replyTo.slice(0, at + 1), this.replyTo.slice(at + 1 + REPLY_PREFIX.length));
    this.survive({ token, name, address, limitMs: Math.min(limitMs, survivals.limitMs), asks: false });
    return { offerKib, token, limitMs: survivals.limitMs, address: flowAddress(survivals.home, name) };
  }

  /** The backend cannot be reached. @param reason for people */
  connectFailed(reason?: string): void {
    this.refuse(FAILED, `not-reached (${reason || 'no answer'})`);
  }

  protected override firstReceived(): void {
    super.firstReceived();
    this.note?.answered();
  }

  private takeNote(identity: Typed | undefined): void {
    if (identity?.type !== 'string' || this.recorder === undefined) return;
    this.note = this.recorder.taken(this, this.entity, identity.value, this.sink?.annotations?.trace ?? []);
  }

  private takeTrace(traceparent: string | undefined): void {
    const { tracer } = this.owner;
    if (tracer === undefined || traceparent === undefined) return;
    const { to = '', annotations } = this.sink ?? {};
    this.trace = tracer.taken(this, { name: this.connector, address: to }, traceparent, annotations?.trace ?? []);
  }

  /** @param error for people */
  private refuse(state: DeliveryState, error = 'not-reached (no answer)'): void {
    if (this.over) return;
    this.over = true;
    this.note?.ended(error);
    this.trace?.ended(error);
    this.owner.flowOver(this);
    this.sink?.outcome(this, state, this.sink.complete);
  }
}
