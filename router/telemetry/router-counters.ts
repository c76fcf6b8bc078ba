/** What a scrape of a router's metrics renders: one plain snapshot of its counters (`metrics.ts`). Shapes only. */

import type { DurationHistogram } from '../../lib/histogram.ts';
import type { ServiceTotals } from '../bridge/service-totals.ts';
import type { IdentityCounters } from './identity-metrics.ts';
import type { PolicyCounters } from './policy-metrics.ts';

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
  /** Router id at the other end; empty while unknown, and of a connector that has no connection. */
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
  /** Over, however they ended. */
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

/** Of an sslProfile. */
export interface CertificateExpiry {
  readonly profile: string;
  /** Of several CAs, the one that expires first. */
  readonly certificate: 'own' | 'ca';
  /** Seconds since 1970. */
  readonly expirySeconds: number;
}

/** Spans that were made, by what became of them. */
export interface SpanCounters {
  readonly exported: number;
  readonly failed: number;
  readonly dropped: number;
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
  /** By address and side. */
  readonly services: readonly ServiceTotals[];
  readonly connectTimes: DurationHistogram;
  readonly certificates: readonly CertificateExpiry[];
  readonly spans: SpanCounters;
  readonly dials: DialCounters;
  readonly backends: BackendCounters;
  readonly policies: PolicyCounters;
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
  readonly identity: IdentityCounters;
  /** TLS, with clients. */
  readonly handshakesFailed: number;
  readonly eventLoopDelay: { readonly p50Seconds: number; readonly p99Seconds: number; readonly maxSeconds: number };
  readonly memory: { readonly residentBytes: number; readonly virtualBytes: number };
  /** Of all threads, since the start. */
  readonly cpuSeconds: number;
}
