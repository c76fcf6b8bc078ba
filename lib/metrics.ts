/**
 * What a controller counts, for Prometheus: docs/metrics.md has a row for each. One registry a process, made in its main.
 *
 * Names that users of Skupper's controller scrape already are kept beside ours.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { QueueObserver } from './kube/queue.ts';
import type { ApiObserver } from './kube/requests.ts';

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
}

export class ControllerMetrics {
  readonly registry = new Registry();
  readonly api: ApiObserver;
  readonly queue: QueueObserver;
  private readonly watches: WatchGauge[] = [];
  private readonly writes: Counter<'verb' | 'kind'>;
  private readonly leading: Gauge;
  private readonly events: Counter;

  constructor({ process: name, version }: ControllerMetricsParts) {
    const registers = [this.registry];
    this.api = apiMetrics(registers);
    this.queue = queueMetrics(registers, name);
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

  /** The text of a scrape. */
  render(): Promise<string> {
    return this.registry.metrics();
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

function apiMetrics(registers: Registry[]): ApiObserver {
  const calls = new Counter({
    name: 'skuprt_controller_api_requests_total',
    help: 'calls to the API server; code 0 got no answer',
    labelNames: ['verb', 'kind', 'code'],
    registers,
  });
  const seconds = new Histogram({
    name: 'skuprt_controller_api_request_duration_seconds',
    help: 'time of calls to the API server; of watches until the head of the answer',
    labelNames: ['verb'],
    buckets: SECONDS,
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
      seconds.observe({ verb }, durationMs / 1000);
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

function queueMetrics(registers: Registry[], name: string): QueueObserver {
  const histogram = (metric: string, help: string) =>
    new Histogram({ name: metric, help, buckets: SECONDS, registers });
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
  return {
    depth(waiting) {
      depth.set(waiting);
      skupper.set({ name }, waiting);
    },
    reconciled(result, durationMs) {
      reconciled.inc({ result });
      took.observe(durationMs / 1000);
    },
    waited: (durationMs) => waited.observe(durationMs / 1000),
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
