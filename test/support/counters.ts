/** A full set of counters, and the names that processes render. */
import { ConsoleMetrics } from '../../console/server/metrics.ts';
import { DurationHistogram } from '../../lib/histogram.ts';
import { ControllerMetrics } from '../../lib/metrics.ts';
import { joinMetrics, type MetricsFormat } from '../../lib/openmetrics.ts';

import { renderMetrics } from '../../router/telemetry/metrics.ts';
import type { RouterCounters } from '../../router/telemetry/router-counters.ts';
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
  services: [
    {
      side: 'listener',
      address: 'web:80',
      counters: {
        bytesIn: 7,
        bytesOut: 8,
        connectionsOpened: 5,
        connectionsClosed: 4,
        connectionsRefused: 1,
        connectionsReset: 2,
      },
      openCount: 1,
      fitCount: 1,
      entityCount: 2,
    },
  ],
  connectTimes: connectTimes(),
  certificates: [{ profile: 'skupper-site-server', certificate: 'own', expirySeconds: 1_800_000_000 }],
  spans: { exported: 3, failed: 1, dropped: 2 },
  dials: { hurried: 4, timedOut: 1, handedBack: 7, passedOver: 2 },
  policies: {
    policyCount: 2,
    results: { refused: 3, limited: 1 },
    policies: [{ policy: 'AccessPolicy/shop/backend', results: { refused: 3, limited: 1 } }],
    waiting: 1,
    withinLimits: 2,
  },
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
  identity: {
    routers: { local: 1, link: 2, path: 3, none: 0 },
    refused: 1,
    clients: { believed: 7, doubted: 1, absent: 2 },
    signatures: { made: 3, verified: 4, forged: 1 },
    workloads: 40,
  },
  handshakesFailed: 5,
  eventLoopDelay: { p50Seconds: 0.001, p99Seconds: 0.02, maxSeconds: 0.05 },
  memory: { residentBytes: 2, virtualBytes: 3 },
  cpuSeconds: 1.5,
};

function connectTimes(): DurationHistogram {
  const histogram = new DurationHistogram([0.01, 0.1]);
  histogram.observe(0.004);
  histogram.observe(0.05, '4bf92f3577b34da6a3ce929d0e0e4736');
  histogram.observe(3);
  return histogram;
}

const ADAPTOR = {
  keeper: { stats: { passes: 1, operations: 1, failures: 0 }, isReady: true, refusals: new Map<string, string>() },
  publisher: { stats: { writes: 1, sizeBytes: 1 } },
  client: { isUp: true },
};

/** What a controller of sites and services with an adaptor and a DNS server would tell, after something has happened to each. */
export async function renderedControllerMetrics(format: MetricsFormat = 'prometheus'): Promise<string> {
  const metrics = new ControllerMetrics({ process: 'service-controller', version: '0.1.0' });
  const counts = { messagesIn: 1, messagesOut: 1, bytesIn: 1, bytesOut: 1, refused: 1, requests: 1 };
  exchangeMetrics(metrics.registry, {
    clusters: () => [],
    ownCount: () => 1,
    refusedClaimCount: () => 0,
    counts: () => counts,
  });
  metrics.leads(true);
  metrics.rehearses(() => ({ Expose: 1 }));
  metrics.watch({ kind: 'Pod', size: 7, lastEventAgeMs: () => 1500 });
  metrics.written('apply', 'Service');
  metrics.queue.depth(1);
  metrics.queue.waited(5);
  metrics.queue.reconciled('success', 10);
  await metrics.queue.around?.('west', async () => metrics.api.request('apply', 'Service', 200, 20));
  const stats = new ResponderStats();
  stats.counter('clusterset.local', 1, 0).count += 1;
  const none = () => 0;
  const dns = new DnsMetrics({ stats, connectionCount: none, connectionsRefusedCount: none, unsentCount: none });
  dns.observe('udp', 0.2);
  const texts = [await metrics.render(format), dns.render(format), renderAdaptorMetrics(ADAPTOR, format)];
  return joinMetrics(texts, format);
}

/** Of the router and of controllers. */
export async function renderedMetricNames(): Promise<string[]> {
  const page = await new ConsoleMetrics({ streamCount: () => 0 }).render('prometheus');
  const text = `${renderMetrics(COUNTERS)}${await renderedControllerMetrics()}${page}`;
  return [...text.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1]!);
}
