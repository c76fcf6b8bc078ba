/**
 * Spans of TCP connections: one trace from the client's connection to the first octets of the backend, made by the routers of both ends.
 *
 * At the listener's router: `connection`, as long as it lives, and in it a `route` for each address, or other way, that it was sent to.
 * At the connector's: `backend connection`, whose parent is the route by which the stream came, and in it the `dial`. First octets are
 * events. A client's connection is traced when the dice of the listener's router say so; the other end follows. Pure: times and
 * randomness come in, spans go out when they are over.
 */
import {
  isSampled,
  newSpanId,
  newTraceId,
  parseTraceparent,
  type TraceContext,
  traceparentOf,
} from '../../../lib/trace/context.ts';
import type { SpanRecord } from '../../../lib/trace/span.ts';
import type {
  ConnectorNames,
  ConnectorTrace,
  FlowTracer,
  ListenerTrace,
  TracedListenerFlow,
} from '../../bridge/flow-tracer.ts';
import type { CountedFlow } from '../../bridge/recorder.ts';
import { OpenSpan, type SpanParent, type SpanParts } from './open-span.ts';

export interface SpanMakerParts extends SpanParts {
  /** Share of the clients' connections here that are traced, 0 to 1. */
  ratio: number;
}

/** Routers on the way of one stream that are told. */
const PATH_LENGTH_MAX = 16;

export class SpanMaker implements FlowTracer {
  readonly parts: SpanMakerParts;

  constructor(parts: SpanMakerParts) {
    this.parts = parts;
  }

  accepted(flow: TracedListenerFlow, listener: string): ListenerTrace | undefined {
    const { ratio, random } = this.parts;
    if (ratio <= 0) return undefined;
    const traceId = newTraceId(random);
    if (!isSampled(traceId, ratio)) return undefined;
    return new ListenerSpans(flow, listener, { traceId, spanId: newSpanId(random), sampled: true }, this);
  }

  taken(
    flow: CountedFlow,
    connector: ConnectorNames,
    traceparent: string,
    path: readonly string[],
  ): ConnectorTrace | undefined {
    const parent = parseTraceparent(traceparent);
    return parent?.sampled ? new ConnectorSpans(flow, connector, parent, path, this) : undefined;
  }

  /** A span begins. */
  begin(name: string, kind: SpanRecord['kind'], parent: SpanParent, spanId?: string): OpenSpan {
    return new OpenSpan(name, kind, parent, spanId ?? newSpanId(this.parts.random), this.parts);
  }

  /** Octets and first octets of a flow, when it is over. */
  endFlow(span: OpenSpan, flow: CountedFlow, words: { in: string; out: string }, error?: string): void {
    const { bytesIn, bytesOut, firstInAt, firstOutAt } = flow;
    if (firstInAt > 0) span.event(`first octet of the ${words.in}`, firstInAt);
    if (firstOutAt > 0) span.event(`first octet of the ${words.out}`, firstOutAt);
    span.end({ 'skuprt.octets_in': bytesIn, 'skuprt.octets_out': bytesOut }, error);
  }
}

class ListenerSpans implements ListenerTrace {
  readonly traceId: string;
  private readonly flow: TracedListenerFlow;
  private readonly maker: SpanMaker;
  private readonly connection: OpenSpan;
  private readonly context: TraceContext;
  private route: OpenSpan | undefined;

  constructor(flow: TracedListenerFlow, listener: string, context: TraceContext, maker: SpanMaker) {
    this.flow = flow;
    this.maker = maker;
    this.context = context;
    this.traceId = context.traceId;
    this.connection = maker.begin('connection', 'server', { traceId: context.traceId }, context.spanId);
    this.connection.set({ 'skuprt.listener': listener, 'network.transport': 'tcp' });
    const { client } = flow;
    if (client) this.connection.set({ 'client.address': client.host, 'client.port': client.port });
  }

  routed(address: string): string {
    this.route?.end({}, 'not taken: sent elsewhere');
    this.route = this.maker.begin('route', 'client', this.context).set({ 'skuprt.routing_key': address });
    return traceparentOf({ ...this.context, spanId: this.route.spanId });
  }

  answered(): void {
    this.connection.event('answered', this.maker.parts.now());
    this.route?.end();
    this.route = undefined;
  }

  ended(error?: string): void {
    this.route?.end({}, error);
    this.maker.endFlow(this.connection, this.flow, { in: 'client', out: 'backend' }, error);
  }
}

class ConnectorSpans implements ConnectorTrace {
  readonly traceId: string;
  private readonly flow: CountedFlow;
  private readonly maker: SpanMaker;
  private readonly connection: OpenSpan;
  private dial: OpenSpan | undefined;

  constructor(
    flow: CountedFlow,
    { name, address }: ConnectorNames,
    parent: TraceContext,
    path: readonly string[],
    maker: SpanMaker,
  ) {
    this.flow = flow;
    this.maker = maker;
    this.traceId = parent.traceId;
    this.connection = maker.begin('backend connection', 'server', { ...parent, isRemote: true });
    this.connection.set({
      'skuprt.connector': name,
      'skuprt.routing_key': address,
      'skuprt.path': path.slice(0, PATH_LENGTH_MAX).join(' '),
    });
  }

  dialling(): void {
    const { traceId, connection, maker } = this;
    this.dial = maker.begin('dial', 'client', { traceId, spanId: connection.spanId });
  }

  connected(): void {
    this.dial?.end();
    this.dial = undefined;
  }

  ended(error?: string): void {
    this.dial?.end({}, error);
    this.maker.endFlow(this.connection, this.flow, { in: 'backend', out: 'client' }, error);
  }
}
