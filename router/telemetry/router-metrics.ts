/** What a router tells of itself and of its flows; names of ours, see docs/metrics.md. */
import { labelled, type Metric, metric } from './metric-table.ts';

export const ROUTER_METRICS: readonly Metric[] = [
  labelled('gauge', 'skuprt_router_info', 'Router id and version, always 1', ({ routerId, version }) => [
    { labels: { router: routerId, version }, value: 1 },
  ]),
  metric('gauge', 'skuprt_router_start_time_seconds', 'Start, seconds since 1970', (c) => c.startTimeSeconds),
  metric('counter', 'skuprt_router_cpu_seconds_total', 'CPU time of the process', (c) => c.cpuSeconds),
  metric('gauge', 'skuprt_router_flows_open', 'TCP flows open now', (c) => c.flows.open),
  metric('gauge', 'skuprt_router_flows_max', 'TCP flows that there may be at a time', (c) => c.flows.countMax),
  metric('counter', 'skuprt_router_flows_opened_total', 'TCP flows opened', (c) => c.flows.opened),
  metric('counter', 'skuprt_router_flows_closed_total', 'TCP flows that are over', (c) => c.flows.closed),
  metric('counter', 'skuprt_router_flows_refused_total', 'TCP flows no connector took', (c) => c.flows.refused),
  metric('counter', 'skuprt_router_flows_reset_total', 'TCP flows ended by a reset', (c) => c.flows.reset),
  labelled(
    'counter',
    'skuprt_router_dials_unanswered_total',
    'Dials of backends that did not answer in time, by whether the TCP flow had another way',
    ({ dials }) => [
      { labels: { alternative: 'yes' }, value: dials.hurried },
      { labels: { alternative: 'no' }, value: dials.timedOut },
    ],
  ),
  metric(
    'counter',
    'skuprt_router_flows_handed_back_total',
    'TCP flows given back without a dial, all connectors being passed over',
    (c) => c.dials.handedBack,
  ),
  metric('gauge', 'skuprt_router_connectors_passed_over', 'Connectors passed over now', (c) => c.dials.passedOver),
  labelled(
    'counter',
    'skuprt_router_connections_limited_total',
    'Connections refused since there were as many as there may be, by limit',
    ({ backends }) => [
      { labels: { limit: 'router' }, value: backends.limitedRouter },
      { labels: { limit: 'memory' }, value: backends.limitedMemory },
      { labels: { limit: 'system' }, value: backends.limitedSystem },
      { labels: { limit: 'listener' }, value: backends.limitedListener },
      { labels: { limit: 'connector' }, value: backends.limitedConnector },
      { labels: { limit: 'queue' }, value: backends.limitedQueue },
    ],
  ),
  metric(
    'counter',
    'skuprt_router_clients_gone_total',
    'Connections of clients that were reset before they were accepted',
    (c) => c.backends.clientsGone,
  ),
  metric(
    'gauge',
    'skuprt_router_connections_queued',
    'Connections that wait for a place at a tcpConnector now',
    (c) => c.backends.queued,
  ),
  labelled(
    'counter',
    'skuprt_router_backend_probes_total',
    'Looks of the router itself at backends, by result',
    ({ backends }) => [
      { labels: { result: 'passed' }, value: backends.probesPassed },
      { labels: { result: 'failed' }, value: backends.probesFailed },
    ],
  ),
  metric(
    'gauge',
    'skuprt_router_connectors_withdrawn',
    'tcpConnectors whose address is left to other routers now, their backends being unfit',
    (c) => c.backends.withdrawn,
  ),
  metric(
    'counter',
    'skuprt_router_proxy_headers_refused_total',
    'Connections reset since they did not begin with a PROXY protocol header',
    (c) => c.backends.headersRefused,
  ),
  metric('gauge', 'skuprt_router_draining', '1 while it is on its way out of the network', ({ drain }) =>
    drain.draining ? 1 : 0,
  ),
  metric('gauge', 'skuprt_router_open', 'Flows and ends of passing streams now', ({ drain }) => drain.openCount),
  labelled(
    'counter',
    'skuprt_router_flow_octets_total',
    'Octets of TCP flows, from and to the sockets of clients and workloads',
    ({ flows }) => [
      { labels: { direction: 'in' }, value: flows.octetsIn },
      { labels: { direction: 'out' }, value: flows.octetsOut },
    ],
  ),
  metric(
    'counter',
    'skuprt_router_observers_given_up_total',
    'Connections that began as HTTP and could not be followed to their end',
    (c) => c.observersGaveUp,
  ),
  metric(
    'counter',
    'skuprt_router_events_left_out_total',
    'Flows, requests and log entries that collectors were not told of, since too many waited',
    (c) => c.eventsLeftOut,
  ),
  metric('gauge', 'skuprt_router_flows_paused', 'TCP flows that have no way now', (c) => c.flowWays.pausedNow),
  metric(
    'counter',
    'skuprt_router_flow_ways_lost_total',
    'Open TCP flows that lost their way',
    (c) => c.flowWays.paused,
  ),
  metric('counter', 'skuprt_router_flow_ways_found_total', 'Those that went on', (c) => c.flowWays.resumed),
  metric('counter', 'skuprt_router_flows_given_up_total', 'Those that did not in time', (c) => c.flowWays.givenUp),
  metric('gauge', 'skuprt_router_flow_memory_bytes', 'Octets held for TCP flows', (c) => c.flowMemory.usedBytes),
  metric('gauge', 'skuprt_router_flow_memory_peak_bytes', 'The most there has been', (c) => c.flowMemory.peakBytes),
  metric('gauge', 'skuprt_router_flow_memory_limit_bytes', 'What may be held', (c) => c.flowMemory.limitBytes),
  metric('gauge', 'skuprt_router_buffered_bytes', 'Octets held for readers that are behind', (c) => c.bufferedBytes),
  labelled(
    'counter',
    'skuprt_router_protocol_errors_total',
    "Connections closed for the peer's fault, by AMQP condition",
    ({ protocolErrors }) => [...protocolErrors].map(([condition, value]) => ({ labels: { condition }, value })),
  ),
  labelled(
    'counter',
    'skuprt_router_peer_faults_total',
    'Rules broken by peers whose connections stand, by kind',
    ({ peerFaults }) => [...peerFaults].map(([fault, value]) => ({ labels: { fault }, value })),
  ),
  metric(
    'counter',
    'skuprt_router_tls_handshakes_failed_total',
    'TLS handshakes of clients that failed',
    (c) => c.handshakesFailed,
  ),
  labelled(
    'gauge',
    'skuprt_router_event_loop_delay_seconds',
    'Delay of the event loop since the last scrape',
    ({ eventLoopDelay: { p50Seconds, p99Seconds, maxSeconds } }) => [
      { labels: { quantile: '0.5' }, value: p50Seconds },
      { labels: { quantile: '0.99' }, value: p99Seconds },
      { labels: { quantile: '1' }, value: maxSeconds },
    ],
  ),
];
