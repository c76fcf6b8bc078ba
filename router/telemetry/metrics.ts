/**
 * The router's metrics as Prometheus text, from one plain snapshot of counters; each name is explained in docs/metrics.md.
 *
 * The `qdr_` names are those that users of skupper-router scrape already (wire reference 11). Rendering is synchronous and
 * without a registry, since the hot path only adds to integers and a scrape is one pass over a table.
 */

export interface DeliveryCounters {
  readonly presettled: number;
  readonly droppedPresettled: number;
  readonly accepted: number;
  readonly released: number;
  readonly rejected: number;
  readonly modified: number;
  readonly ingress: number;
  readonly egress: number;
  readonly transit: number;
  /** Unsettled for longer than this, once. */
  readonly delayed1Sec: number;
  readonly delayed10Sec: number;
  /** Now. */
  readonly stuck: number;
}

export interface SiteLinkCounters {
  /** Name of the connector or listener. */
  readonly link: string;
  /** Router id at the other end, empty while unknown. */
  readonly peer: string;
  readonly up: boolean;
  readonly cost: number;
  readonly octetsIn: number;
  readonly octetsOut: number;
}

export interface FlowCounters {
  readonly open: number;
  /** How many there may be. */
  readonly countMax: number;
  readonly opened: number;
  readonly closed: number;
  /** No connector took the connection. */
  readonly refused: number;
  /** Ended by a reset or a lost link, at either end. */
  readonly reset: number;
  readonly octetsIn: number;
  readonly octetsOut: number;
}

/** What has become of dials of backends that did not answer (`router/core/patience.ts`). */
export interface DialCounters {
  /** Given up since the flow had another way. */
  readonly hurried: number;
  /** That took all their time. */
  readonly timedOut: number;
  /** Streams given back without a dial: all connectors were passed over. */
  readonly handedBack: number;
  /** Connectors passed over now. */
  readonly passedOver: number;
}

/** What limits of tcpListeners and tcpConnectors have kept away, and what the router has found by looking at backends. */
export interface BackendCounters {
  readonly limitedRouter: number;
  readonly limitedMemory: number;
  readonly limitedSystem: number;
  /** Before they were accepted. */
  readonly clientsGone: number;
  readonly limitedListener: number;
  readonly limitedConnector: number;
  readonly limitedQueue: number;
  readonly probesPassed: number;
  readonly probesFailed: number;
  /** Now. */
  readonly queued: number;
  readonly withdrawn: number;
  readonly headersRefused: number;
}

/** Of memory that is taken and given back in items of one size. */
export interface PoolCounters {
  readonly typeName: string;
  /** Octets of an item. */
  readonly typeSize: number;
  readonly totalCount: number;
  /** Of these, items that lie ready for use. */
  readonly idleCount: number;
}

export interface RouterCounters {
  readonly routerId: string;
  readonly version: string;
  /** Seconds since 1970. */
  readonly startTimeSeconds: number;
  readonly lastTopologyChangeSeconds: number;
  /** AMQP connections and TCP flows. */
  readonly connections: number;
  /** AMQP links, and two of each TCP flow. */
  readonly links: number;
  /** Links without credit for long. */
  readonly linksBlocked: number;
  readonly addresses: number;
  /** Other routers known in the network. */
  readonly routers: number;
  readonly deliveries: DeliveryCounters;
  readonly siteLinks: readonly SiteLinkCounters[];
  readonly flows: FlowCounters;
  readonly dials: DialCounters;
  readonly backends: BackendCounters;
  /** It is on its way out of the network, and what it waits for: flows, and streams of others that pass. */
  readonly drain: { readonly draining: boolean; readonly openCount: number };
  /** Connections of clients and workloads open now, by what they speak. */
  readonly serviceConnections: {
    readonly amqp: number;
    readonly tcp: number;
    readonly http1: number;
    readonly http2: number;
  };
  /** Connections that were HTTP in the beginning and could not be followed to their end. */
  readonly observersGaveUp: number;
  /** Flows, requests and log entries that collectors were not told of, since too many waited. */
  readonly eventsLeftOut: number;
  readonly pools: readonly PoolCounters[];
  /** Octets held in buffers for readers that are behind. */
  readonly bufferedBytes: number;
  /** Flows that have no way now, and times since the start that one was lost, found, and not found in time. */
  readonly flowWays: {
    readonly pausedNow: number;
    readonly paused: number;
    readonly resumed: number;
    readonly givenUp: number;
  };
  /** What is held for TCP flows (`router/bridge/flow-budget.ts`). */
  readonly flowMemory: { readonly usedBytes: number; readonly peakBytes: number; readonly limitBytes: number };
  /** Connections closed for a peer's fault, by AMQP condition. */
  readonly protocolErrors: ReadonlyMap<string, number>;
  /** Broken rules that end no connection, by kind. */
  readonly peerFaults: ReadonlyMap<string, number>;
  /** TLS, with clients. */
  readonly handshakesFailed: number;
  readonly eventLoopDelay: { readonly p50Seconds: number; readonly p99Seconds: number; readonly maxSeconds: number };
  readonly memory: { readonly residentBytes: number; readonly virtualBytes: number };
}

type Labels = Readonly<Record<string, string>>;
interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}
interface Metric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: (counters: RouterCounters) => readonly Sample[];
}

/** Prometheus text, version 0.0.4. */
export function renderMetrics(counters: RouterCounters): string {
  const lines: string[] = [];
  for (const { name, kind, help, samples } of METRICS) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
    for (const { labels, value } of samples(counters)) lines.push(`${name}${labelText(labels)} ${value}`);
  }
  for (const pool of counters.pools) lines.push(...poolLines(pool));
  return `${lines.join('\n')}\n`;
}

/** The names are those of skupper-router's pools, the type and what is told of it joined by a colon. */
function poolLines({ typeName, typeSize, totalCount, idleCount }: PoolCounters): string[] {
  const gauges = {
    allocated: totalCount,
    in_use: totalCount - idleCount,
    cached: idleCount,
    bytes: totalCount * typeSize,
  };
  return Object.entries(gauges).flatMap(([what, value]) => {
    const name = `${typeName}:${what}`;
    return [`# HELP ${name} ${POOL_HELP[what]}`, `# TYPE ${name} gauge`, `${name} ${value}`];
  });
}

const POOL_HELP: Readonly<Record<string, string>> = {
  allocated: 'Items of the pool now',
  in_use: 'Items that are used',
  cached: 'Items that lie ready for use',
  bytes: 'Memory of all items',
};

function labelText(labels: Labels | undefined): string {
  if (labels === undefined) return '';
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`);
  return `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function metric(kind: Metric['kind'], name: string, help: string, value: (counters: RouterCounters) => number): Metric {
  return { kind, name, help, samples: (counters) => [{ value: value(counters) }] };
}

function deliveries(kind: Metric['kind'], name: string, help: string, counter: keyof DeliveryCounters): Metric {
  return metric(kind, name, help, (counters) => counters.deliveries[counter]);
}

function service(protocol: keyof RouterCounters['serviceConnections'], help: string): Metric {
  return metric('gauge', `qdr_${protocol}_service_connections`, help, (c) => c.serviceConnections[protocol]);
}

/** One sample a site link and direction or state. */
function perLink(
  kind: Metric['kind'],
  name: string,
  help: string,
  samples: (link: SiteLinkCounters) => readonly { more?: Labels; value: number }[],
): Metric {
  const labelled = (link: SiteLinkCounters) =>
    samples(link).map(({ more, value }) => ({ labels: { link: link.link, peer: link.peer, ...more }, value }));
  return { kind, name, help, samples: ({ siteLinks }) => siteLinks.flatMap(labelled) };
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

const OURS: readonly Metric[] = [
  {
    name: 'skuprt_router_info',
    kind: 'gauge',
    help: 'Router id and version, always 1',
    samples: ({ routerId, version }) => [{ labels: { router: routerId, version }, value: 1 }],
  },
  metric('gauge', 'skuprt_router_start_time_seconds', 'Start, seconds since 1970', (c) => c.startTimeSeconds),
  perLink('gauge', 'skuprt_router_link_up', '1 while the site link is up', ({ up }) => [{ value: up ? 1 : 0 }]),
  perLink('gauge', 'skuprt_router_link_cost', 'Cost of the site link', ({ cost }) => [{ value: cost }]),
  perLink('counter', 'skuprt_router_link_octets_total', 'Octets over the site link', ({ octetsIn, octetsOut }) => [
    { more: { direction: 'in' }, value: octetsIn },
    { more: { direction: 'out' }, value: octetsOut },
  ]),
  metric('gauge', 'skuprt_router_flows_open', 'TCP flows open now', (c) => c.flows.open),
  metric('gauge', 'skuprt_router_flows_max', 'TCP flows that there may be at a time', (c) => c.flows.countMax),
  metric('counter', 'skuprt_router_flows_opened_total', 'TCP flows opened', (c) => c.flows.opened),
  metric('counter', 'skuprt_router_flows_closed_total', 'TCP flows ended in order', (c) => c.flows.closed),
  metric('counter', 'skuprt_router_flows_refused_total', 'TCP flows no connector took', (c) => c.flows.refused),
  metric('counter', 'skuprt_router_flows_reset_total', 'TCP flows ended by a reset', (c) => c.flows.reset),
  {
    name: 'skuprt_router_dials_unanswered_total',
    kind: 'counter',
    help: 'Dials of backends that did not answer in time, by whether the TCP flow had another way',
    samples: ({ dials }) => [
      { labels: { alternative: 'yes' }, value: dials.hurried },
      { labels: { alternative: 'no' }, value: dials.timedOut },
    ],
  },
  metric(
    'counter',
    'skuprt_router_flows_handed_back_total',
    'TCP flows given back without a dial, all connectors being passed over',
    (c) => c.dials.handedBack,
  ),
  metric('gauge', 'skuprt_router_connectors_passed_over', 'Connectors passed over now', (c) => c.dials.passedOver),
  {
    name: 'skuprt_router_connections_limited_total',
    kind: 'counter',
    help: 'Connections refused since there were as many as there may be, by limit',
    samples: ({ backends }) => [
      { labels: { limit: 'router' }, value: backends.limitedRouter },
      { labels: { limit: 'memory' }, value: backends.limitedMemory },
      { labels: { limit: 'system' }, value: backends.limitedSystem },
      { labels: { limit: 'listener' }, value: backends.limitedListener },
      { labels: { limit: 'connector' }, value: backends.limitedConnector },
      { labels: { limit: 'queue' }, value: backends.limitedQueue },
    ],
  },
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
  {
    name: 'skuprt_router_backend_probes_total',
    kind: 'counter',
    help: 'Looks of the router itself at backends, by result',
    samples: ({ backends }) => [
      { labels: { result: 'passed' }, value: backends.probesPassed },
      { labels: { result: 'failed' }, value: backends.probesFailed },
    ],
  },
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
  {
    name: 'skuprt_router_flow_octets_total',
    kind: 'counter',
    help: 'Octets of TCP flows, from and to the sockets of clients and workloads',
    samples: ({ flows }) => [
      { labels: { direction: 'in' }, value: flows.octetsIn },
      { labels: { direction: 'out' }, value: flows.octetsOut },
    ],
  },
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
  {
    name: 'skuprt_router_protocol_errors_total',
    kind: 'counter',
    help: "Connections closed for the peer's fault, by AMQP condition",
    samples: ({ protocolErrors }) =>
      [...protocolErrors].map(([condition, value]) => ({ labels: { condition }, value })),
  },
  {
    kind: 'counter',
    name: 'skuprt_router_peer_faults_total',
    help: 'Rules broken by peers whose connections stand, by kind',
    samples: ({ peerFaults }) => [...peerFaults].map(([fault, value]) => ({ labels: { fault }, value })),
  },
  metric(
    'counter',
    'skuprt_router_tls_handshakes_failed_total',
    'TLS handshakes of clients that failed',
    (c) => c.handshakesFailed,
  ),
  {
    name: 'skuprt_router_event_loop_delay_seconds',
    kind: 'gauge',
    help: 'Delay of the event loop since the last scrape',
    samples: ({ eventLoopDelay: { p50Seconds, p99Seconds, maxSeconds } }) => [
      { labels: { quantile: '0.5' }, value: p50Seconds },
      { labels: { quantile: '0.99' }, value: p99Seconds },
      { labels: { quantile: '1' }, value: maxSeconds },
    ],
  },
];

const METRICS: readonly Metric[] = [...ORIGINAL, ...OURS];
