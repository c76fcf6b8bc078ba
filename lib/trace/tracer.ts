/**
 * Spans of what controllers do: a pass, a request to an API server, a token that is redeemed. Whatever is done while one is open is part
 * of it, over every wait: the lines of a log get its trace id, and requests to others carry it on.
 *
 * A process that exports nothing has a tracer too; it calls what it is given and nothing else.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Random } from '../random.ts';
import { isSampled, newSpanId, newTraceId, parseTraceparent, type TraceContext, traceparentOf } from './context.ts';
import type { SpanAttributes, SpanKind, SpanRecord, SpanSink } from './span.ts';

export interface TracerParts {
  clock: Clock;
  random: Random;
  /** Of what begins here, 0 to 1. */
  ratio: number;
  emit: SpanSink;
}

export interface SpanOptions {
  kind?: SpanKind;
  attributes?: SpanAttributes;
  /** What another process has said of the trace that this belongs to. */
  traceparent?: string;
  /** What led to it, instead of what is being done at the moment, with which it has nothing to do. */
  cause?: { readonly context: TraceContext | undefined };
}

/** What others are begun in. */
type Around = Pick<OpenSpan, 'context' | 'follow' | 'set' | 'fail' | 'drop' | 'isParent' | 'isOver'>;

/** One that has begun. What is begun in it later, when it is over, is of no trace: timers and sockets outlive what made them. */
class OpenSpan {
  context: TraceContext;
  private from: Omit<SpanRecord, 'endedAt' | 'attributes'>;
  private readonly parts: TracerParts;
  private attributes: SpanAttributes;
  private error: string | undefined;
  private isDropped = false;
  /** Others belong to it. */
  isParent = false;
  isOver = false;

  constructor(from: Omit<SpanRecord, 'endedAt'>, sampled: boolean, parts: TracerParts) {
    const { traceId, spanId, attributes } = from;
    this.context = { traceId, spanId, sampled };
    this.from = from;
    this.attributes = attributes;
    this.parts = parts;
  }

  follow({ traceId, spanId: parentSpanId, sampled }: TraceContext): void {
    if (this.isParent || this.from.parentSpanId !== undefined) return;
    this.context = { traceId, spanId: this.context.spanId, sampled };
    this.from = { ...this.from, traceId, parentSpanId, isParentRemote: true };
  }

  set(attributes: SpanAttributes): void {
    this.attributes = { ...this.attributes, ...attributes };
  }

  fail(why: string): void {
    this.error ??= why;
  }

  drop(): void {
    this.isDropped = true;
  }

  end(): void {
    this.isOver = true;
    const { from, attributes, error, parts } = this;
    if (!this.context.sampled || (this.isDropped && error === undefined && !this.isParent)) return;
    parts.emit({ ...from, endedAt: parts.clock.wall(), attributes, error });
  }
}

/** A span of another process: nothing can be said of it here. */
class SpanElsewhere implements Around {
  readonly context: TraceContext;
  isParent = false;
  isOver = false;

  constructor(context: TraceContext) {
    this.context = context;
  }

  follow(): void {}

  set(): void {}

  fail(): void {}

  drop(): void {}
}

export class Tracer {
  private readonly parts: TracerParts | undefined;
  private readonly storage = new AsyncLocalStorage<Around>();

  /** @param parts undefined: nothing is exported */
  constructor(parts?: TracerParts) {
    this.parts = parts;
  }

  /** Of what is being done; undefined outside of spans. */
  get context(): TraceContext | undefined {
    return this.present?.context;
  }

  /** What another process is to be told of the trace. */
  get traceparent(): string | undefined {
    const { context } = this;
    return context && traceparentOf(context);
  }

  /** The same where it would only be told that nothing is kept of the trace: undefined then. */
  get keptTraceparent(): string | undefined {
    return this.context?.sampled ? this.traceparent : undefined;
  }

  /** What is begun in `run`, before that returns, follows from what another process says it has done. */
  following<T>(traceparent: string | undefined, run: () => T): T {
    const context = this.parts && traceparent !== undefined ? remoteContext(traceparent) : undefined;
    if (context === undefined) return run();
    const around = new SpanElsewhere(context);
    try {
      return this.storage.run(around, run);
    } finally {
      around.isOver = true;
    }
  }

  /** Does `run` as a span. */
  async span<T>(name: string, options: SpanOptions, run: () => Promise<T>): Promise<T> {
    const { parts } = this;
    if (parts === undefined) return run();
    const span = this.begin(name, options, parts);
    try {
      return await this.storage.run(span, run);
    } catch (error) {
      span.fail(messageOf(error));
      throw error;
    } finally {
      span.end();
    }
  }

  /** The same of what waits for nothing. */
  spanNow<T>(name: string, options: SpanOptions, run: () => T): T {
    const { parts } = this;
    if (parts === undefined) return run();
    const span = this.begin(name, options, parts);
    try {
      return this.storage.run(span, run);
    } catch (error) {
      span.fail(messageOf(error));
      throw error;
    } finally {
      span.end();
    }
  }

  /** The present span turns out to follow from what another process did: too late when others are in it, or it follows from something. */
  follow(traceparent: string): void {
    const context = this.parts && remoteContext(traceparent);
    if (context !== undefined) this.present?.follow(context);
  }

  /** What is learnt about the present span while it is open. */
  set(attributes: SpanAttributes): void {
    this.present?.set(attributes);
  }

  /** The present span has failed, though nothing is thrown. */
  fail(why: string): void {
    this.present?.fail(why);
  }

  /** Nothing happened in the present span that would be worth telling; unless others belong to it, or it fails. */
  drop(): void {
    this.present?.drop();
  }

  /** Something is over that was done in the present span, if there is one. @param error why it failed */
  done(name: string, { kind = 'client', attributes = {} }: SpanOptions, durationMs: number, error?: string): void {
    const { parts, context } = this;
    if (parts === undefined || !context?.sampled) return;
    const endedAt = parts.clock.wall();
    this.present!.isParent = true;
    const { traceId, spanId: parentSpanId } = context;
    const spanId = newSpanId(() => parts.random.next());
    const startedAt = endedAt - durationMs;
    parts.emit({ traceId, spanId, parentSpanId, name, kind, startedAt, endedAt, attributes, error });
  }

  private get present(): Around | undefined {
    const span = this.parts && this.storage.getStore();
    return span?.isOver === true ? undefined : span;
  }

  private begin(
    name: string,
    { kind = 'internal', attributes = {}, traceparent, cause }: SpanOptions,
    parts: TracerParts,
  ): OpenSpan {
    const random = () => parts.random.next();
    const told = traceparent === undefined ? undefined : remoteContext(traceparent);
    const around = told === undefined && cause === undefined ? this.present : undefined;
    if (around !== undefined) around.isParent = true;
    const parent = told ?? (cause ?? this).context;
    const traceId = parent?.traceId ?? newTraceId(random);
    const sampled = parent?.sampled ?? isSampled(traceId, parts.ratio);
    const ids = {
      traceId,
      spanId: newSpanId(random),
      parentSpanId: parent?.spanId,
      isParentRemote: parent?.isRemote === true,
    };
    return new OpenSpan({ ...ids, name, kind, startedAt: parts.clock.wall(), attributes }, sampled, parts);
  }
}

function remoteContext(traceparent: string): TraceContext | undefined {
  const context = parseTraceparent(traceparent);
  return context && { ...context, isRemote: true };
}

/** Of what exports nothing. */
export const NO_TRACER = new Tracer();
