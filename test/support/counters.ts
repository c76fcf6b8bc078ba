/** A full set of counters, and the names that processes render. */
import { ControllerMetrics } from '../../lib/metrics.ts';

import { type RouterCounters, renderMetrics } from '../../router/telemetry/metrics.ts';
import { DnsMetrics } from '../../service-controller/dns/metrics.ts';
import { ResponderStats } from '../../service-controller/dns/responder.ts';
import { exchangeMetrics } from '../../service-controller/platform/kubernetes/metrics.ts';
import { renderMetrics as renderAdaptorMetrics } from '../../site-controller/adaptor/metrics.ts';

export const COUNTERS: RouterCounters = {
  routerId: 'A',
  version: '0.1.0',
  startTimeSeconds: 1_763_000_000,
  lastTopologyChangeSeconds: 1_763_000_001,
  connections: 3,
  links: 14,
  linksBlocked: 0,
  addresses: 9,
  drain: { draining: true, openCount: 6 },
  routers: 2,
  deliveries: {
    presettled: 1,
    droppedPresettled: 2,
    accepted: 3,
    released: 4,
    rejected: 5,
    modified: 6,
    ingress: 7,
    egress: 8,
    transit: 9,
    delayed1Sec: 10,
    delayed10Sec: 11,
    stuck: 12,
  },
  siteLinks: [{ link: 'to "B"\\', peer: 'B', up: true, cost: 1, octetsIn: 100, octetsOut: 200 }],
  flows: {
    open: 1,
    countMax: 17_500,
    opened: 5,
    closed: 3,
    refused: 1,
    reset: 1,
    octetsIn: 2 ** 53 - 1,
    octetsOut: 10,
  },
  dials: { hurried: 4, timedOut: 1, handedBack: 7, passedOver: 2 },
  backends: {
    limitedRouter: 11,
    limitedMemory: 12,
    limitedSystem: 13,
    clientsGone: 14,
    limitedListener: 1,
    limitedConnector: 2,
    limitedQueue: 3,
    probesPassed: 4,
    probesFailed: 5,
    queued: 6,
    withdrawn: 7,
    headersRefused: 8,
  },
  serviceConnections: { amqp: 1, tcp: 4, http1: 2, http2: 3 },
  observersGaveUp: 5,
  eventsLeftOut: 6,
  pools: [],
  bufferedBytes: 4096,
  flowWays: { pausedNow: 2, paused: 9, resumed: 6, givenUp: 1 },
  flowMemory: { usedBytes: 70_000, peakBytes: 1_500_000, limitBytes: 268_435_456 },
  protocolErrors: new Map([['amqp:connection:framing-error', 2]]),
  peerFaults: new Map([['malformed', 3]]),
  handshakesFailed: 5,
  eventLoopDelay: { p50Seconds: 0.001, p99Seconds: 0.02, maxSeconds: 0.05 },
  memory: { residentBytes: 2, virtualBytes: 3 },
};

const ADAPTOR = {
  keeper: { stats: { passes: 1, operations: 1, failures: 0 }, isReady: true, refusals: new Map<string, string>() },
  publisher: { stats: { writes: 1, sizeBytes: 1 } },
  client: { isUp: true },
};

/** Of the router and of controllers. */
export async function renderedMetricNames(): Promise<string[]> {
  const router = renderMetrics(COUNTERS) + renderAdaptorMetrics(ADAPTOR);
  const metrics = new ControllerMetrics({ process: 'service-controller', version: '0.1.0' });
  const counts = { messagesIn: 1, messagesOut: 1, bytesIn: 1, bytesOut: 1, refused: 1, requests: 1 };
  exchangeMetrics(metrics.registry, {
    clusters: () => [],
    ownCount: () => 1,
    refusedClaimCount: () => 0,
    counts: () => counts,
  });
  const controller = await metrics.render();
  const stats = new ResponderStats();
  const dns = new DnsMetrics({
    stats,
    connectionCount: () => 0,
    connectionsRefusedCount: () => 0,
    unsentCount: () => 0,
  }).render();
  return [...`${router}\n${controller}\n${dns}`.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1]!);
}
