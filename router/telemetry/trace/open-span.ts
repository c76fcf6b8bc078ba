/** A span of the router that has begun and is not over. Pure: times and randomness come in, the span goes out when it is over. */
import type { SpanAttributes, SpanEvent, SpanRecord, SpanSink } from '../../../lib/trace/span.ts';

export interface SpanParts {
  /** Uniform in [0, 1). */
  random: () => number;
  /** On the router's clock, ms. */
  now: () => number;
  /** Milliseconds since 1970 of a time on the router's clock. */
  wall: (ms: number) => number;
  emit: SpanSink;
}

export interface SpanParent {
  traceId: string;
  /** Absent of the first span of a trace. */
  spanId?: string;
  isRemote?: boolean;
}

export class OpenSpan {
  readonly spanId: string;
  private readonly parts: SpanParts;
  private readonly name: string;
  private readonly kind: SpanRecord['kind'];
  private readonly parent: SpanParent;
  private readonly startedAt: number;
  private readonly events: SpanEvent[] = [];
  private attributes: SpanAttributes = {};
  private isOver = false;

  constructor(name: string, kind: SpanRecord['kind'], parent: SpanParent, spanId: string, parts: SpanParts) {
    this.name = name;
    this.kind = kind;
    this.parent = parent;
    this.spanId = spanId;
    this.parts = parts;
    this.startedAt = parts.wall(parts.now());
  }

  set(attributes: SpanAttributes): this {
    this.attributes = { ...this.attributes, ...attributes };
    return this;
  }

  /** @param at on the router's clock, ms */
  event(name: string, at: number): void {
    this.events.push({ name, at: this.parts.wall(at) });
  }

  /** Once. */
  end(attributes: SpanAttributes = {}, error?: string): void {
    if (this.isOver) return;
    this.isOver = true;
    const { parts, parent, spanId, name, kind, startedAt, events } = this;
    parts.emit({
      traceId: parent.traceId,
      spanId,
      parentSpanId: parent.spanId,
      isParentRemote: parent.isRemote,
      name,
      kind,
      startedAt,
      endedAt: parts.wall(parts.now()),
      attributes: { ...this.attributes, ...attributes },
      events: events.sort((a, b) => a.at - b.at),
      error,
    });
  }
}
