/**
 * Sends spans to a collector by OTLP over HTTP, in batches, one after the other. What does not fit in its queue is dropped and counted: a
 * collector that is slow or gone costs no more memory than that, and no caller ever waits. OpenTelemetry is loaded here, and only when a
 * process exports.
 */
import { readVersion } from '../version.ts';
import type { SpanAttributes, SpanRecord } from './span.ts';

export interface SpanCounts {
  exported: number;
  failed: number;
  dropped: number;
}

export interface SpanExporterLike {
  /** Calls back when the batch is sent, or is given up. */
  export(spans: readonly SpanRecord[], done: (failure?: Error) => void): void;
  shutdown(): Promise<void>;
}

export interface SpanQueueParts {
  exporter: SpanExporterLike;
  /** Told at the first batch that fails, and then seldom. */
  onFailure?: (error: Error) => void;
}

const SPAN_COUNT_MAX = 4096;
const BATCH_COUNT_MAX = 512;
const BATCH_MS = 1000;
/** A batch is given up by then though its exporter still hopes: a collector whose answer has no end is as good as none. */
const BATCH_PATIENCE_MS = 30_000;

export class SpanQueue {
  readonly counts: SpanCounts = { exported: 0, failed: 0, dropped: 0 };
  private readonly parts: SpanQueueParts;
  private waiting: SpanRecord[] = [];
  private sending: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(parts: SpanQueueParts) {
    this.parts = parts;
  }

  /** A SpanSink. */
  readonly emit = (span: SpanRecord): void => {
    if (this.waiting.length >= SPAN_COUNT_MAX) {
      this.counts.dropped++;
      return;
    }
    this.waiting.push(span);
    this.timer ??= setTimeout(() => void this.flush(), BATCH_MS).unref();
  };

  /** Sends what waits. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.sending ??= this.send().finally(() => {
      this.sending = undefined;
    });
    await this.sending;
  }

  /** What waits is still sent, if the collector takes it in time. */
  async stop(withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.flush().then(() => this.parts.exporter.shutdown()), timeout]).catch(() => undefined);
    clearTimeout(timer);
    clearTimeout(this.timer);
  }

  private failureOf(batch: readonly SpanRecord[]): Promise<Error | undefined> {
    return new Promise((resolve) => {
      const late = new Error(`the collector has not answered to the end in ${BATCH_PATIENCE_MS / 1000} s`);
      const timer = setTimeout(resolve, BATCH_PATIENCE_MS, late).unref();
      this.parts.exporter.export(batch, (failure) => {
        clearTimeout(timer);
        resolve(failure);
      });
    });
  }

  private async send(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, BATCH_COUNT_MAX);
      const failure = await this.failureOf(batch);
      if (failure === undefined) this.counts.exported += batch.length;
      else {
        this.counts.failed += batch.length;
        this.parts.onFailure?.(failure);
      }
    }
  }
}

/** One that is made when there is something to send: a process that is over soon should not wait for it before. */
export function lazyExporter(make: () => Promise<SpanExporterLike>): SpanExporterLike {
  let made: Promise<SpanExporterLike> | undefined;
  return {
    export: (spans, done) => {
      made ??= make();
      made.then((exporter) => exporter.export(spans, done)).catch(done);
    },
    shutdown: async () => (await made)?.shutdown(),
  };
}

/**
 * @param attributes of the process: what tells it from others of the service
 * @param timeoutMs for a batch, unless the environment says another
 */
export async function otlpExporter(
  service: string,
  attributes: SpanAttributes,
  timeoutMs?: number,
): Promise<SpanExporterLike> {
  const [{ OTLPTraceExporter }, { resourceFromAttributes }, { SpanKind, SpanStatusCode, TraceFlags }] =
    await Promise.all([
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/api'),
    ]);
  const version = readVersion();
  const resource = resourceFromAttributes({ 'service.name': service, 'service.version': version, ...attributes });
  const instrumentationScope = { name: 'skuprt', version };
  const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL };
  const exporter = new OTLPTraceExporter(timeoutMs === undefined ? {} : { timeoutMillis: timeoutMs });
  const common = { resource, instrumentationScope, links: [], ended: true, ...NOTHING_DROPPED };
  const readable = (span: SpanRecord) => {
    const { traceId, spanId, parentSpanId, isParentRemote, name, kind, startedAt, endedAt, error, events = [] } = span;
    const traceFlags = TraceFlags.SAMPLED;
    return {
      ...common,
      name,
      kind: kinds[kind],
      spanContext: () => ({ traceId, spanId, traceFlags }),
      parentSpanContext: parentSpanId
        ? { traceId, spanId: parentSpanId, traceFlags, isRemote: isParentRemote }
        : undefined,
      startTime: hrTime(startedAt),
      endTime: hrTime(endedAt),
      duration: hrTime(Math.max(0, endedAt - startedAt)),
      status: error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error },
      attributes: { ...span.attributes },
      events: events.map(({ name, at, attributes: more = {} }) => ({
        name,
        time: hrTime(at),
        attributes: { ...more },
      })),
    };
  };
  return {
    export: (spans, done) =>
      exporter.export(spans.map(readable), ({ code, error }) =>
        done(code === 0 ? undefined : (error ?? new Error('the collector did not take the spans'))),
      ),
    shutdown: () => exporter.shutdown(),
  };
}

const NOTHING_DROPPED = { droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 };

/** Seconds and nanoseconds. */
function hrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
