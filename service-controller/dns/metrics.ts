/**
 * What the DNS server counts, as Prometheus text; docs/metrics.md has a row for each name. Answering adds to integers only, a scrape
 * reads them.
 */
import type { ResponderStats, Transport } from './responder.ts';

export interface DnsMetricsParts {
  stats: ResponderStats;
  connectionCount: () => number;
  connectionsRefusedCount: () => number;
  unsentCount: () => number;
}

const BOUNDS_MS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 100] as const;

export class DnsMetrics {
  private readonly parts: DnsMetricsParts;
  /** How many took at most that long and longer than the one before; the last is for those beyond all bounds. */
  private readonly counts = { udp: newCounts(), tcp: newCounts() };
  private readonly sumsMs = { udp: 0, tcp: 0 };

  constructor(parts: DnsMetricsParts) {
    this.parts = parts;
  }

  /** A message was handled, whatever it was. */
  observe(transport: Transport, durationMs: number): void {
    let index = 0;
    while (index < BOUNDS_MS.length && durationMs > BOUNDS_MS[index]!) index += 1;
    this.counts[transport][index]! += 1;
    this.sumsMs[transport] += durationMs;
  }

  render(): string {
    const { stats, connectionCount, connectionsRefusedCount, unsentCount } = this.parts;
    const queries = Array.from(stats.queries(), ({ zone, type, rcode, count }) => {
      return `skuprt_dns_queries_total{zone="${zone}",type="${type}",rcode="${rcode}"} ${count}`;
    });
    return [
      ...metric('skuprt_dns_queries_total', 'counter', 'queries answered', queries),
      ...metric('skuprt_dns_malformed_total', 'counter', 'queries answered with FORMERR', stats.malformedCount),
      ...metric('skuprt_dns_ignored_total', 'counter', 'messages that were no queries', stats.ignoredCount),
      ...metric('skuprt_dns_truncated_total', 'counter', 'answers cut to the size of UDP', stats.truncatedCount),
      ...metric('skuprt_dns_unsent_total', 'counter', 'answers over UDP that could not be sent', unsentCount()),
      ...metric('skuprt_dns_tcp_connections', 'gauge', 'connections of TCP open now', connectionCount()),
      ...metric(
        'skuprt_dns_tcp_connections_refused_total',
        'counter',
        'connections ended for what they sent, or because there were too many',
        connectionsRefusedCount(),
      ),
      ...metric(
        'skuprt_dns_answer_duration_seconds',
        'histogram',
        'time between a query and its answer in this process',
        [...this.histogram('udp'), ...this.histogram('tcp')],
      ),
    ]
      .join('\n')
      .concat('\n');
  }

  private histogram(transport: Transport): string[] {
    const name = 'skuprt_dns_answer_duration_seconds';
    let sum = 0;
    const buckets = this.counts[transport].map((count, index) => {
      sum += count;
      const bound = BOUNDS_MS[index];
      return `${name}_bucket{transport="${transport}",le="${bound === undefined ? '+Inf' : bound / 1000}"} ${sum}`;
    });
    return [
      ...buckets,
      `${name}_sum{transport="${transport}"} ${this.sumsMs[transport] / 1000}`,
      `${name}_count{transport="${transport}"} ${sum}`,
    ];
  }
}

function newCounts(): number[] {
  return Array.from({ length: BOUNDS_MS.length + 1 }, () => 0);
}

function metric(name: string, type: string, help: string, values: number | readonly string[]): string[] {
  const lines = typeof values === 'number' ? [`${name} ${values}`] : values;
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
}
