/** The tracing of one process, as its environment wants it: made in a main, stopped when the process ends. */
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import { lazyExporter, otlpExporter, type SpanCounts, type SpanExporterLike, SpanQueue } from './exporter.ts';
import { traceSettings } from './settings.ts';
import type { SpanAttributes, SpanSink } from './span.ts';
import { Tracer } from './tracer.ts';

export interface Tracing {
  readonly ratio: number;
  readonly emit: SpanSink;
  readonly counts: SpanCounts;
  stop(): Promise<void>;
}

export interface TracingParts {
  /** `skuprt-router`, `skuprt-site-controller`, ... */
  service: string;
  attributes?: SpanAttributes;
  env: Readonly<Record<string, string | undefined>>;
  /** Of what begins in this process, unless the environment says another. */
  ratio: number;
  /** It is over soon: what sends spans is loaded when there are some, and a collector that is silent is not waited for. */
  isBrief?: boolean;
  onFailure?: (error: Error) => void;
}

/** How long the end of a process waits for a collector. */
const STOP_MS = 2000;
const TOLD_MS = 60_000;
/** Of a batch: less than before a second try. */
const BRIEF_TIMEOUT_MS = 750;
/** Of which the most is what is loaded then. */
const BRIEF_STOP_MS = 10_000;

/** @returns undefined when the environment names no collector; then nothing was loaded @throws TraceSettingsError */
export async function startTracing({
  service,
  attributes = {},
  env,
  ratio,
  isBrief = false,
  onFailure,
}: TracingParts): Promise<Tracing | undefined> {
  const settings = traceSettings(env, ratio);
  if (settings === undefined) return undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  const queue = new SpanQueue({
    exporter: isBrief
      ? lazyExporter(() => briefExporter(service, attributes, env))
      : await otlpExporter(service, attributes),
    onFailure: (error) => {
      if (performance.now() - toldAt < TOLD_MS) return;
      toldAt = performance.now();
      onFailure?.(error);
    },
  });
  return {
    ratio: settings.ratio,
    emit: queue.emit,
    counts: queue.counts,
    stop: () => queue.stop(isBrief ? BRIEF_STOP_MS : STOP_MS),
  };
}

function briefExporter(
  service: string,
  attributes: SpanAttributes,
  env: TracingParts['env'],
): Promise<SpanExporterLike> {
  const isSaid = env.OTEL_EXPORTER_OTLP_TIMEOUT || env.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT;
  return otlpExporter(service, attributes, isSaid ? undefined : BRIEF_TIMEOUT_MS);
}

/** Of a process whose work is control operations: each is traced, unless the environment says otherwise. */
export async function startTracer({
  clock,
  random,
  ...parts
}: Omit<TracingParts, 'ratio'> & { clock: Clock; random: Random }): Promise<{ tracer: Tracer; stop(): Promise<void> }> {
  const tracing = await startTracing({ ...parts, ratio: 1 });
  if (tracing === undefined) return { tracer: new Tracer(), stop: () => Promise.resolve() };
  const { ratio, emit } = tracing;
  return { tracer: new Tracer({ clock, random, ratio, emit }), stop: () => tracing.stop() };
}
