/**
 * What a controller counts, for Prometheus: docs/metrics.md has a row for each. One registry a process, made in its main.
 *
 * Names that users of Skupper's controller scrape already are kept beside ours.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { QueueObserver } from './kube/queue.ts';
import type { ApiObserver } from './kube/requests.ts';
import { joinMetrics, type MetricFamily, type MetricsFormat, renderFamilies, type Sample } from './openmetrics.ts';
import type { TraceContext } from './trace/context.ts';
import { Tracer } from './trace/tracer.ts';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What is asked at each scrape about one watched kind. */
export interface WatchGauge {
  kind: string;
  lastEventAgeMs(): number;
  size: number;
}

export interface ControllerMetricsParts {
  /** `site-controller`, `kube-adaptor`, `service-controller`. */
  process: string;
  version: string;
  /** Looks and calls are spans of it, and exemplars lead to them. */
  tracer?: Tracer;
}

export class ControllerMetrics {
  readonly registry: Registry = openRegistry();
  readonly api: ApiObserver;
  readonly queue: QueueObserver;
  private readonly watches: WatchGauge[] = [];
  private readonly writes: Counter<'verb' | 'kind'>;
  private readonly leading: Gauge;
  private readonly events: Counter;

  constructor({ process: name, version, tracer = new Tracer() }: ControllerMetricsParts) {
    const registers = [this.registry];
    this.api = apiMetrics(registers, tracer);
    this.queue = queueMetrics(registers, name, tracer);
    this.writes = new Counter({
      name: 'skuprt_controller_writes_total',
      help: 'objects written to the API server',
      labelNames: ['verb', 'kind'],
      registers,
    });
    this.leading = new Gauge({ name: 'skuprt_controller_leader', help: '1 while this replica leads', registers });
    this.events = new Counter({
      name: 'skuprt_controller_events_dropped_total',
      help: 'Events not told because there were too many',
      registers,
    });
    this.watchMetrics(registers);
    processMetrics(registers, name, version);
  }

  /** To be scraped from now on. */
  watch(gauge: WatchGauge): void {
    this.watches.push(gauge);
  }

  written(verb: string, kind: string): void {
    this.writes.inc({ verb, kind });
  }

  leads(isLeader: boolean): void {
    this.leading.set(isLeader ? 1 : 0);
  }

  eventDropped(): void {
    this.events.inc();
  }

  /** @param counts of resources by operation, as they are at a scrape */
  rehearses(counts: () => Readonly<Record<string, number>>): void {
    new Gauge({
      name: 'skuprt_controller_policy_would_refuse',
      help: 'resources that policies in dry run would refuse now',
      labelNames: ['operation'],
      registers: [this.registry],
      collect() {
        for (const [operation, count] of Object.entries(counts())) this.set({ operation }, count);
      },
    });
  }

  /** The text of a scrape. */
  async render(format: MetricsFormat = 'prometheus'): Promise<string> {
    return renderRegistry(this.registry, format);
  }

  private watchMetrics(registers: Registry[]): void {
    const { watches } = this;
    new Gauge({
      name: 'skuprt_controller_watch_last_event_age_seconds',
      help: 'time since the API server last said anything about a kind',
      labelNames: ['kind'],
      registers,
      collect() {
        for (const watch of watches) {
          const ageMs = watch.lastEventAgeMs();
          this.set({ kind: watch.kind }, Number.isFinite(ageMs) ? ageMs / 1000 : -1);
        }
      },
    });
    new Gauge({
      name: 'skuprt_controller_cached_objects',
      help: 'objects of a kind in the cache',
      labelNames: ['kind'],
      registers,
      collect() {
        for (const watch of watches) this.set({ kind: watch.kind }, watch.size);
      },
    });
  }
}

/** The text of a scrape of one that `openRegistry` made. */
export async function renderRegistry(registry: Registry, format: MetricsFormat): Promise<string> {
  return joinMetrics([renderFamilies(await registered(registry), format)], format);
}

/** In OpenMetrics, since only such a one may have exemplars; rendered in either form. */
export function openRegistry(): Registry {
  const registry = new Registry();
  // As prom-client types its own form; what it renders by itself would lose the names of counters.
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as unknown as typeof Registry.PROMETHEUS_CONTENT_TYPE);
  return registry;
}

interface RegisteredValue {
  readonly labels?: Readonly<Record<string, string | number>>;
  /** Of what all values of a histogram have in common. */
  readonly sharedLabels?: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
  readonly exemplar?: { readonly labelSet: { readonly trace_id?: string }; readonly value: number } | null;
}

/** What is registered, as it is at this moment. */
async function registered(registry: Registry): Promise<MetricFamily[]> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.map(({ name, help, type, values }) => ({
    name,
    help,
    kind: String(type) as MetricFamily['kind'],
    samples: (values as readonly RegisteredValue[]).map((each) => sampleOf(name, each)),
  }));
}

function sampleOf(
  family: string,
  { labels, sharedLabels, value, metricName = family, exemplar }: RegisteredValue,
): Sample {
  const texts = Object.entries({ ...sharedLabels, ...labels }).map(([label, text]) => [label, String(text)]);
  const traceId = exemplar?.labelSet.trace_id;
  return {
    suffix: metricName.slice(family.length),
    labels: Object.fromEntries(texts) as Record<string, string>,
    value,
    exemplar: exemplar && traceId !== undefined ? { traceId, seconds: exemplar.value } : undefined,
  };
}

/** By which a trace that is kept is found. */
function exemplarOf({ context }: Tracer): { exemplarLabels?: { trace_id: string } } {
  return context?.sampled ? { exemplarLabels: { trace_id: context.traceId } } : {};
}

function apiMetrics(registers: Registry[], tracer: Tracer): ApiObserver {
  const calls = new Counter({
    name: 'skuprt_controller_api_requests_total',
    help: 'calls to the API server; code 0 got no answer',
    labelNames: ['verb', 'kind', 'code'],
    registers,
  });
  const seconds = new Histogram<string>({
    name: 'skuprt_controller_api_request_duration_seconds',
    help: 'time of calls to the API server; of watches until the head of the answer',
    labelNames: ['verb'],
    buckets: SECONDS,
    enableExemplars: true,
    registers,
  });
  const skupper = new Counter({
    name: 'skupper_kubernetes_client_http_requests_total',
    help: 'calls to the API server',
    labelNames: ['method', 'code'],
    registers,
  });
  return {
    request(verb, kind, code, durationMs) {
      calls.inc({ verb, kind, code });
      seconds.observe({ labels: { verb }, value: durationMs / 1000, ...exemplarOf(tracer) });
      const isFault = code === 0 || code >= 500;
      const attributes = { 'k8s.verb': verb, 'k8s.kind': kind, 'http.response.status_code': code };
      tracer.done(`${verb} ${kind}`, { attributes }, durationMs, isFault ? `code ${code}` : undefined);
      skupper.inc({ method: METHODS[verb] ?? verb.toUpperCase(), code });
    },
  };
}

const METHODS: Readonly<Record<string, string>> = {
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  apply: 'PATCH',
};

function queueMetrics(registers: Registry[], name: string, tracer: Tracer): QueueObserver {
  const histogram = (metric: string, help: string) =>
    new Histogram<string>({ name: metric, help, buckets: SECONDS, enableExemplars: true, registers });
  const depth = new Gauge({
    name: 'skuprt_controller_queue_depth',
    help: 'namespaces that wait for a look',
    registers,
  });
  const skupper = new Gauge({
    name: 'skupper_workqueue_depth',
    help: 'keys that wait in a queue',
    labelNames: ['name'],
    registers,
  });
  const reconciled = new Counter({
    name: 'skuprt_controller_reconcile_total',
    help: 'looks at a namespace',
    labelNames: ['result'],
    registers,
  });
  const retried = new Counter({
    name: 'skuprt_controller_queue_retries_total',
    help: 'looks repeated after a failure',
    registers,
  });
  const took = histogram('skuprt_controller_reconcile_duration_seconds', 'time of a look at a namespace');
  const waited = histogram('skuprt_controller_queue_wait_seconds', 'time between a change and the look at it');
  for (const result of ['success', 'requeue_after', 'error']) reconciled.inc({ result }, 0);
  /** What was being done when a key was added, of those that wait. */
  const causes = new Map<string, TraceContext>();
  return {
    depth(waiting) {
      depth.set(waiting);
      skupper.set({ name }, waiting);
    },
    added(key) {
      const { context } = tracer;
      if (context !== undefined && !causes.has(key)) causes.set(key, context);
    },
    around: (key, run) => {
      const cause = { context: causes.get(key) };
      causes.delete(key);
      return tracer.span('reconcile', { attributes: { 'skuprt.key': key }, cause }, async () => {
        const startMs = performance.now();
        try {
          return await run();
        } finally {
          took.observe({ value: (performance.now() - startMs) / 1000, ...exemplarOf(tracer) });
        }
      });
    },
    reconciled: (result) => reconciled.inc({ result }),
    waited: (durationMs) => waited.observe({ value: durationMs / 1000 }),
    retried: () => retried.inc(),
  };
}

function processMetrics(registers: Registry[], name: string, version: string): void {
  new Gauge({
    name: 'skuprt_controller_info',
    help: 'always 1; names the process and its version',
    labelNames: ['process', 'version'],
    registers,
  }).set({ process: name, version }, 1);
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'resident memory of the process',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}
