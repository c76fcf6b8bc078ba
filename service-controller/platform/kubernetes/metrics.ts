/** What a service-controller counts of the exchange, beside what every controller counts: docs/metrics.md has a row for each. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { ClusterView } from '../../records.ts';

/** What was sent and heard since the process began. */
export interface ExchangeCounts {
  messagesIn: number;
  messagesOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Not of the agreed form, or of a site that may not speak for that cluster. */
  refused: number;
  /** For what was missed. */
  requests: number;
}

export interface ExchangeGauges {
  clusters(): readonly ClusterView[];
  /** Services that this cluster exports. */
  ownCount(): number;
  /** Sites that say they are a cluster that another site is. */
  refusedClaimCount(): number;
  counts(): ExchangeCounts;
}

export function exchangeMetrics(registry: Registry, exchange: ExchangeGauges): void {
  const registers = [registry];
  new Gauge({
    name: 'skuprt_services_clusters',
    help: 'other clusters of the set by state: live or lost',
    labelNames: ['state'],
    registers,
    collect() {
      const clusters = exchange.clusters();
      for (const state of ['live', 'lost'] as const)
        this.set({ state }, clusters.filter((cluster) => cluster.state === state).length);
    },
  });
  new Gauge({
    name: 'skuprt_services_records',
    help: 'records of exported services: own ones, and remote ones',
    labelNames: ['origin'],
    registers,
    collect() {
      this.set({ origin: 'own' }, exchange.ownCount());
      this.set(
        { origin: 'remote' },
        exchange.clusters().reduce((sum, { services }) => sum + services.size, 0),
      );
    },
  });
  new Gauge({
    name: 'skuprt_services_refused_claims',
    help: 'sites that say they are a cluster that another site is',
    registers,
    collect() {
      this.set(exchange.refusedClaimCount());
    },
  });
  const counter = (name: string, help: string, read: (counts: ExchangeCounts) => Record<string, number>) =>
    new Counter({
      name,
      help,
      labelNames: ['direction'],
      registers,
      collect() {
        this.reset();
        for (const [direction, count] of Object.entries(read(exchange.counts()))) this.inc({ direction }, count);
      },
    });
  counter('skuprt_services_messages_total', 'messages of the exchange', ({ messagesIn, messagesOut }) => ({
    in: messagesIn,
    out: messagesOut,
  }));
  counter('skuprt_services_message_bytes_total', 'bytes of these messages', ({ bytesIn, bytesOut }) => ({
    in: bytesIn,
    out: bytesOut,
  }));
  for (const [name, help, member] of SINGLES) {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(exchange.counts()[member]);
      },
    });
  }
}

const SINGLES = [
  ['skuprt_services_refused_messages_total', 'messages that were not taken', 'refused'],
  ['skuprt_services_requests_total', 'requests for what was missed', 'requests'],
] as const;
