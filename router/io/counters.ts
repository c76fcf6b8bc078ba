/** The snapshot of counters that a scrape of `/metrics` renders. */
import { readFileSync } from 'node:fs';
import type { RecordableHistogram } from 'node:perf_hooks';
import type { Peer } from '../core/peer.ts';
import type { Router } from '../core/router.ts';
import type { RouterCounters } from '../telemetry/metrics.ts';

export interface CounterSources {
  router: Router;
  /** Milliseconds since 1970. */
  startedAt: number;
  /** Milliseconds since 1970 of a time on the router's clock. */
  wall: (ms: number) => number;
  /** Of the event loop, in nanoseconds. */
  delay: Pick<RecordableHistogram, 'percentile' | 'max'>;
}

export function countersOf({ router, startedAt, wall, delay }: CounterSources): RouterCounters {
  const peers = [...router.peers.values()];
  const memory = process.memoryUsage();
  return {
    routerId: router.id,
    version: router.version,
    startTimeSeconds: startedAt / 1000,
    lastTopologyChangeSeconds: wall(router.lastTopologyChangeMs) / 1000,
    connections: peers.length,
    links: peers.reduce((sum, peer) => sum + peer.data.length * 2 + peer.endpoints.size, 0),
    linksBlocked: peers.reduce((sum, peer) => sum + blockedLinks(peer), 0),
    addresses: router.addresses.size,
    routers: router.mesh.routers().length,
    deliveries: { ...router.deliveries, delayed1Sec: 0, delayed10Sec: 0, stuck: 0 },
    siteLinks: peers.filter(({ role }) => role === 'inter-router' || role === 'edge').map(siteLink),
    flows: flows(router),
    dials: {
      hurried: router.bridge.dialsHurriedCount,
      timedOut: router.bridge.dialsTimedOutCount,
      handedBack: router.forwarder.handedBackCount,
      passedOver: router.bridge.passedOverCount(),
    },
    amqpConnections: peers.length,
    bufferedBytes: bufferedBytes(router),
    protocolErrors: router.protocolErrors,
    eventLoopDelay: {
      p50Seconds: delay.percentile(50) / 1e9,
      p99Seconds: delay.percentile(99) / 1e9,
      maxSeconds: delay.max / 1e9,
    },
    memory: { heapBytes: memory.heapUsed, residentBytes: memory.rss, virtualBytes: virtualBytes() },
  };
}

function blockedLinks(peer: Peer): number {
  return peer.data.filter((link) => link.credit === 0).length;
}

/** The octets of a site link are those of all connections of its group. */
function siteLink(peer: Peer) {
  const group = [peer, ...peer.members];
  return {
    link: peer.options.entity,
    peer: peer.containerId,
    up: peer.linked || (peer.role === 'edge' && peer.openedAt !== undefined),
    cost: peer.cost,
    octetsIn: group.reduce((sum, { connection }) => sum + connection.stats.octetsIn, 0),
    octetsOut: group.reduce((sum, { connection }) => sum + connection.stats.octetsOut, 0),
  };
}

function flows({ bridge }: Router) {
  const total = bridge.totals();
  return {
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
