/**
 * The router's metrics as Prometheus text, from one plain snapshot of counters; each name is explained in docs/metrics.md.
 *
 * The `qdr_` names are those that users of skupper-router scrape already (wire reference 11). Rendering is synchronous and
 * without a registry, since the hot path only adds to integers and a scrape is one pass over a table.
 */
import { joinMetrics, type MetricFamily, type MetricsFormat, renderFamilies } from '../../lib/openmetrics.ts';
import { IDENTITY_METRICS } from './identity-metrics.ts';
import { type Kind, type Metric, metric } from './metric-table.ts';
import { POLICY_METRICS } from './policy-metrics.ts';
import type { DeliveryCounters, PoolCounters, RouterCounters } from './router-counters.ts';
import { ROUTER_METRICS } from './router-metrics.ts';
import { SERVICE_METRICS } from './service-metrics.ts';

export function renderMetrics(counters: RouterCounters, format: MetricsFormat = 'prometheus'): string {
  const families = METRICS.map((family) => family(counters));
  return joinMetrics([renderFamilies([...families, ...counters.pools.flatMap(poolFamilies)], format)], format);
}

/** The names are those of skupper-router's pools, the type and what is told of it joined by a colon. */
function poolFamilies({ typeName, typeSize, totalCount, idleCount }: PoolCounters): MetricFamily[] {
  const gauge = (what: string, help: string, value: number): MetricFamily => ({
    kind: 'gauge',
    name: `${typeName}:${what}`,
    help,
    samples: [{ value }],
  });
  return [
    gauge('allocated', 'Items of the pool now', totalCount),
    gauge('in_use', 'Items that are used', totalCount - idleCount),
    gauge('cached', 'Items that lie ready for use', idleCount),
    gauge('bytes', 'Memory of all items', totalCount * typeSize),
  ];
}

function deliveries(kind: Kind, name: string, help: string, counter: keyof DeliveryCounters): Metric {
  return metric(kind, name, help, (counters) => counters.deliveries[counter]);
}

function service(protocol: keyof RouterCounters['serviceConnections'], help: string): Metric {
  return metric('gauge', `qdr_${protocol}_service_connections`, help, (c) => c.serviceConnections[protocol]);
}

const ORIGINAL: readonly Metric[] = [
  metric('gauge', 'qdr_connections_total', 'AMQP connections and TCP flows now', (c) => c.connections),
  metric('gauge', 'qdr_links_total', 'AMQP links now, and two of each TCP flow', (c) => c.links),
  metric('gauge', 'qdr_addresses_total', 'Addresses now', (c) => c.addresses),
  metric('gauge', 'qdr_routers_total', 'Other routers known in the network', (c) => c.routers),
  deliveries('counter', 'qdr_presettled_deliveries_total', 'Pre-settled deliveries', 'presettled'),
  deliveries(
    'counter',
    'qdr_dropped_presettled_deliveries_total',
    'Pre-settled deliveries dropped',
    'droppedPresettled',
  ),
  deliveries('counter', 'qdr_accepted_deliveries_total', 'Deliveries accepted', 'accepted'),
  deliveries('counter', 'qdr_released_deliveries_total', 'Deliveries released', 'released'),
  deliveries('counter', 'qdr_rejected_deliveries_total', 'Deliveries rejected', 'rejected'),
  deliveries('counter', 'qdr_modified_deliveries_total', 'Deliveries modified', 'modified'),
  deliveries('counter', 'qdr_deliveries_ingress_total', 'Deliveries that entered the network here', 'ingress'),
  deliveries('counter', 'qdr_deliveries_egress_total', 'Deliveries that left the network here', 'egress'),
  deliveries('counter', 'qdr_deliveries_transit_total', 'Deliveries passed on to another router', 'transit'),
  deliveries('counter', 'qdr_deliveries_delayed_1sec_total', 'Deliveries unsettled for over 1 s', 'delayed1Sec'),
  deliveries('counter', 'qdr_deliveries_delayed_10sec_total', 'Deliveries unsettled for over 10 s', 'delayed10Sec'),
  deliveries('gauge', 'qdr_deliveries_stuck_total', 'Deliveries unsettled for over 10 s now', 'stuck'),
  metric('gauge', 'qdr_links_blocked_total', 'Links without credit for over 10 s now', (c) => c.linksBlocked),
  metric('gauge', 'qdr_last_topology_change_timestamp', 'Time of the last change of paths, seconds since 1970', (c) =>
    Math.floor(c.lastTopologyChangeSeconds),
  ),
  metric('gauge', 'qdr_alloc_pool_bytes', 'Memory of all pools', ({ pools }) =>
    pools.reduce((sum, { typeSize, totalCount }) => sum + typeSize * totalCount, 0),
  ),
  metric('gauge', 'qdr_router_vmsize_bytes', 'Virtual memory', (c) => c.memory.virtualBytes),
  metric('gauge', 'qdr_router_rss_bytes', 'Resident memory', (c) => c.memory.residentBytes),
  service('tcp', 'TCP connections of services now, those of HTTP apart'),
  service('amqp', 'AMQP connections of clients now'),
  service('http1', 'HTTP/1 connections of services now'),
  service('http2', 'HTTP/2 connections of services now'),
];

const METRICS: readonly Metric[] = [
  ...ORIGINAL,
  ...ROUTER_METRICS,
  ...SERVICE_METRICS,
  ...POLICY_METRICS,
  ...IDENTITY_METRICS,
];
