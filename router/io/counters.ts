/** The snapshot of counters that a scrape of `/metrics` renders. */
import { readFileSync } from 'node:fs';
import { openCountOf } from '../core/drain.ts';
import type { Peer } from '../core/peer.ts';
import type { Router } from '../core/router.ts';
import type { CertificateExpiry, RouterCounters, SpanCounters } from '../telemetry/router-counters.ts';
import type { EventLoopDelay } from './event-loop-delay.ts';
import type { HandshakeCount } from './handshake-faults.ts';
import { identityCounters } from './identity-counters.ts';
import { policyCounters } from './policy-counters.ts';
import { poolCounts } from './pools.ts';
import type { ProxyFaultCount } from './proxied-connections.ts';
import { addressCount } from './show-addresses.ts';
import { linkCount } from './show-links.ts';
import { type LinkConnectors, siteLinks } from './site-links.ts';
import type { SlabPool } from './slab-pool.ts';

export interface CounterSources {
  router: Router;
  /** Milliseconds since 1970. */
  startedAt: number;
  /** Milliseconds since 1970 of a time on the router's clock. */
  wall: (ms: number) => number;
  delay: EventLoopDelay;
  /** Time on the router's clock, ms. */
  now: number;
  driver: { readonly slabs: SlabPool };
  profiles: { readonly handshakes: HandshakeCount; expiries(): Iterable<CertificateExpiry> };
  connectors: LinkConnectors;
  /** Of traces; undefined when none are made. */
  spans: SpanCounters | undefined;
  /** Connections of load balancers. */
  headers: ProxyFaultCount;
}

export function countersOf({
  router,
  startedAt,
  wall,
  delay,
  now,
  driver,
  profiles,
  connectors,
  spans = NO_SPANS,
  headers,
}: CounterSources): RouterCounters {
  const peers = [...router.peers.values()];
  return {
    routerId: router.id,
    version: router.version,
    startTimeSeconds: startedAt / 1000,
    lastTopologyChangeSeconds: wall(router.lastTopologyChangeMs) / 1000,
    connections: peers.length + router.bridge.flows.size,
    links: linkCount(router),
    linksBlocked: peers.reduce((sum, peer) => sum + blockedLinks(peer, now), 0),
    addresses: addressCount(router),
    // Itself is not counted.
    routers: Math.max(0, router.mesh.routers().length - 1),
    deliveries: router.deliveries,
    siteLinks: siteLinks(peers, connectors),
    flows: flows(router),
    services: router.bridge.counts.services(),
    connectTimes: router.bridge.connectTimes,
    certificates: [...profiles.expiries()],
    spans,
    dials: {
      hurried: router.bridge.dialsHurriedCount,
      timedOut: router.bridge.dialsTimedOutCount,
      handedBack: router.forwarder.handedBackCount,
      passedOver: router.bridge.passedOverCount(),
    },
    backends: backends(router, headers),
    drain: { draining: router.draining, openCount: openCountOf(router) },
    policies: policyCounters(router.bridge),
    identity: identityCounters(router),
    serviceConnections: serviceConnections(router),
    observersGaveUp: router.bridge.observersGaveUpCount,
    eventsLeftOut: router.recorder?.leftOutCount ?? 0,
    pools: poolCounts(driver.slabs),
    bufferedBytes: bufferedBytes(router),
    flowMemory: router.bridge.budget,
    flowWays: { ...router.bridge.survivals.counters, pausedNow: router.bridge.survivals.agenda.count },
    protocolErrors: router.protocolErrors,
    peerFaults: router.faults.counts,
    handshakesFailed: profiles.handshakes.failedCount,
    eventLoopDelay: delay.read(now),
    cpuSeconds: cpuSeconds(),
    memory: { residentBytes: process.memoryUsage.rss(), virtualBytes: virtualBytes() },
  };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Connections of clients and workloads, not of other routers, by what they speak. */
export function serviceConnections(router: Router): RouterCounters['serviceConnections'] {
  let amqp = 0;
  for (const { role } of router.peers.values()) if (role === 'normal') amqp++;
  return { amqp, ...router.bridge.protocols() };
}

/** Links by which we send that have been without credit as long as a delivery is stuck. */
function blockedLinks({ connection }: Peer, now: number): number {
  let count = 0;
  for (const session of connection.sessions()) {
    for (const link of session.links()) {
      if (link.role === 'sender' && link.pace.blockedSeconds(now) >= BLOCKED_SECONDS) count++;
    }
  }
  return count;
}

function backends({ bridge }: Router, { refusedCount }: ProxyFaultCount): RouterCounters['backends'] {
  const { router, memory, system, gone, listener, connector, queue, probesPassed, probesFailed } = bridge.refusals;
  return {
    limitedRouter: router,
    limitedMemory: memory,
    limitedSystem: system,
    clientsGone: gone,
    limitedListener: listener,
    limitedConnector: connector,
    limitedQueue: queue,
    probesPassed,
    probesFailed,
    ...bridge.connectorCounts(),
    headersRefused: refusedCount,
  };
}

function flows({ bridge }: Router) {
  const total = bridge.totals();
  return {
    countMax: bridge.admission.countMax,
    open: bridge.flows.size,
    opened: total.connectionsOpened,
    closed: total.connectionsClosed,
    refused: total.connectionsRefused,
    reset: total.connectionsReset,
    octetsIn: total.bytesIn,
    octetsOut: total.bytesOut,
  };
}

function bufferedBytes({ bridge }: Router): number {
  let bytes = 0;
  for (const flow of bridge.flows.values()) bytes += flow.queuedBytes;
  return bytes;
}

/** 0 where the system does not tell. */
export function virtualBytes(): number {
  try {
    const pages = Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0]);
    return pages * PAGE_BYTES;
  } catch {
    return 0;
  }
}

const PAGE_BYTES = 4096;
const BLOCKED_SECONDS = 10;
const NO_SPANS: SpanCounters = { exported: 0, failed: 0, dropped: 0 };
