/**
 * A span as it is recorded: something that has begun and ended, in a trace. Plain, so that whoever records needs nothing of who
 * exports (`exporter.ts`). Times are milliseconds since 1970.
 */

/** `server`: on behalf of another; `client`: asks another and waits; `internal`: neither. */
export type SpanKind = 'server' | 'client' | 'internal';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanEvent {
  readonly name: string;
  readonly at: number;
  readonly attributes?: SpanAttributes;
}

export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** The parent is of another process. */
  readonly isParentRemote?: boolean;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: SpanAttributes;
  readonly events?: readonly SpanEvent[];
  /** Why it failed, for people; absent when it did not. */
  readonly error?: string;
}

/** Takes spans that are over; never throws, never waits. */
export type SpanSink = (span: SpanRecord) => void;
