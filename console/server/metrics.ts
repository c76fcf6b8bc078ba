/** What the console counts, for Prometheus: docs/metrics.md has a row for each. */
import { Counter, Gauge } from 'prom-client';
import { openRegistry, renderRegistry } from '../../lib/metrics.ts';
import type { MetricsFormat } from '../../lib/openmetrics.ts';

export class ConsoleMetrics {
  readonly registry = openRegistry();
  readonly #requests: Counter<'code'>;
  readonly #signIns: Counter<'result'>;
  readonly #streamsCut: Counter;

  constructor({ streamCount }: { streamCount: () => number }) {
    const registers = [this.registry];
    this.#requests = new Counter({
      name: 'skuprt_console_requests_total',
      help: 'requests that were answered, streams when they end',
      labelNames: ['code'],
      registers,
    });
    this.#signIns = new Counter({
      name: 'skuprt_console_sign_ins_total',
      help: 'tokens that somebody came with',
      labelNames: ['result'],
      registers,
    });
    this.#streamsCut = new Counter({
      name: 'skuprt_console_streams_cut_total',
      help: 'streams of events ended because their reader took nothing',
      registers,
    });
    new Gauge({
      name: 'skuprt_console_streams',
      help: 'streams of events that are open',
      registers,
      collect() {
        this.set(streamCount());
      },
    });
    for (const result of ['accepted', 'refused', 'waiting']) this.#signIns.inc({ result }, 0);
  }

  requested(code: number): void {
    this.#requests.inc({ code });
  }

  signIn(result: 'accepted' | 'refused' | 'waiting'): void {
    this.#signIns.inc({ result });
  }

  streamCut(): void {
    this.#streamsCut.inc();
  }

  /** The text of a scrape. */
  render(format: MetricsFormat): Promise<string> {
    return renderRegistry(this.registry, format);
  }
}
