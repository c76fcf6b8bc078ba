/**
 * What the DNS server counts, as Prometheus text; docs/metrics.md has a row for each name. Answering adds to integers only, a scrape
 * reads them.
 */
import { DurationHistogram } from '../../lib/histogram.ts';
import {
  histogramSamples,
  joinMetrics,
  type MetricFamily,
  type MetricsFormat,
  renderFamilies,
  type Sample,
} from '../../lib/openmetrics.ts';
import type { ResponderStats, Transport } from './responder.ts';

export interface DnsMetricsParts {
  stats: ResponderStats;
  connectionCount: () => number;
  connectionsRefusedCount: () => number;
  unsentCount: () => number;
}

const BOUNDS = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1] as const;

export class DnsMetrics {
  private readonly parts: DnsMetricsParts;
  private readonly answers = { udp: new DurationHistogram(BOUNDS), tcp: new DurationHistogram(BOUNDS) };

  constructor(parts: DnsMetricsParts) {
    this.parts = parts;
  }

  /** A message was handled, whatever it was. */
  observe(transport: Transport, durationMs: number): void {
    this.answers[transport].observe(durationMs / 1000);
  }

  render(format: MetricsFormat = 'prometheus'): string {
    return joinMetrics([renderFamilies(this.families(), format)], format);
  }

  private families(): MetricFamily[] {
    const { stats, connectionCount, connectionsRefusedCount, unsentCount } = this.parts;
    const queries = Array.from(stats.queries(), ({ zone, type, rcode, count }) => ({
      labels: { zone, type, rcode },
      value: count,
    }));
    return [
      metric('skuprt_dns_queries_total', 'counter', 'queries answered', queries),
      metric('skuprt_dns_malformed_total', 'counter', 'queries answered with FORMERR', stats.malformedCount),
      metric('skuprt_dns_ignored_total', 'counter', 'messages that were no queries', stats.ignoredCount),
      metric('skuprt_dns_truncated_total', 'counter', 'answers cut to the size of UDP', stats.truncatedCount),
      metric('skuprt_dns_unsent_total', 'counter', 'answers over UDP that could not be sent', unsentCount()),
      metric('skuprt_dns_tcp_connections', 'gauge', 'connections of TCP open now', connectionCount()),
      metric(
        'skuprt_dns_tcp_connections_refused_total',
        'counter',
        'connections ended for what they sent, or because there were too many',
        connectionsRefusedCount(),
      ),
      {
        name: 'skuprt_dns_answer_duration_seconds',
        kind: 'histogram',
        help: 'time between a query and its answer in this process',
        samples: (['udp', 'tcp'] as const).flatMap((transport) =>
          histogramSamples(this.answers[transport], { transport }),
        ),
      },
    ];
  }
}

function metric(
  name: string,
  kind: 'counter' | 'gauge',
  help: string,
  values: number | readonly Sample[],
): MetricFamily {
  return { name, kind, help, samples: typeof values === 'number' ? [{ value: values }] : values };
}
