/** The running router as management shows it: one list of plain entities a type (wire reference 9.2). */
import type { Logger } from '../../lib/log.ts';
import { amqp as wire } from '../amqp/codec/value.ts';
import { LOG_MODULES } from '../core/log-modules.ts';
import type { Router } from '../core/router.ts';
import type { ShownEntity } from '../management/managed-router.ts';
import type { Entity, EntityType } from '../management/schema.ts';
import type { LogBook } from '../telemetry/log-book.ts';
import { showPolicy } from './access-policies.ts';
import { serviceConnections, virtualBytes } from './counters.ts';
import type { DrainState } from './drain.ts';
import type { Driver } from './driver.ts';
import type { Entities } from './entities.ts';
import { pools } from './pools.ts';
import { addressCount, addresses } from './show-addresses.ts';
import { connections, tcpConnections } from './show-connections.ts';
import { identities, workloads } from './show-identities.ts';
import { linkCount, links, linksBlocked } from './show-links.ts';

export interface Shown {
  router: Router;
  entities: Entities;
  driver?: Driver;
  logBook?: LogBook;
  /** Of what management changes. */
  log?: Logger;
  /** Whether it serves, or is on its way out of the network. */
  drainState?: () => DrainState;
  hostName: string;
  /** On the router's clock. */
  startedAtMs: number;
  now: () => number;
  /** Milliseconds since 1970 of a time on the router's clock. */
  wall: (ms: number) => number;
}

/**
 * All entities of a type, by its short name.
 * @param protocol `amqp` leaves out what stands for TCP flows
 */
export function show(type: string, shown: Shown, protocol?: string): readonly ShownEntity[] {
  switch (type) {
    case 'connection':
      return connections(shown, protocol);
    case 'router.node':
      return nodes(shown);
    case 'router.address':
      return addresses(shown.router);
    case 'router.link':
      return links(shown, protocol);
    case 'routerMetrics':
      return [metrics(shown)];
    case 'tcpConnection':
      return tcpConnections(shown);
    case 'logStats':
      return logStats(shown);
    case 'vhostStats':
      return vhostStats(shown);
    case 'router.identity':
      return identities(shown);
    case 'workloads':
      return workloads(shown);
    case 'allocator':
      return pools(shown.driver?.slabs);
    default:
      return [...(shown.entities.configured.get(type as EntityType)?.values() ?? [])].map((entity) => ({
        ...entity,
        ...running(entity, shown),
      }));
  }
}

/** What a configured entity does at the moment. */
function running(entity: Entity, { router, entities, hostName, drainState }: Shown): ShownEntity {
  switch (entity.type) {
    case 'router':
      return { version: router.version, hostName, area: '0', operStatus: drainState?.() ?? 'up' };
    case 'address':
      return { priority: entity.priority ?? NO_PRIORITY };
    case 'autoLink':
      return { operStatus: 'inactive' };
    case 'policy':
      return policyCounts(entities);
    case 'accessPolicy':
      return showPolicy(router.bridge, entity.name);
    case 'connector': {
      const connector = entities.connectors.get(entity.name);
      return {
        connectionStatus: connector?.status,
        connectionMsg: connector?.message,
        failoverUrls: connector?.failoverUrls,
      };
    }
    case 'tcpListener': {
      const socket = entities.tcpListeners.get(entity.name);
      return {
        ...router.bridge.listeners.get(entity.name)?.counters,
        operStatus: socket?.up ? 'up' : 'down',
        connectionMsg: socket?.problem ?? '',
      };
    }
    case 'listener': {
      const problem = entities.listening.get(entity.name)?.problem;
      return { operStatus: problem === undefined ? 'up' : 'down', connectionMsg: problem ?? '' };
    }
    case 'tcpConnector': {
      const connector = router.bridge.connectors.get(entity.name);
      const problem = connector?.problem;
      return {
        ...connector?.counters,
        operStatus: problem === undefined ? 'up' : 'down',
        connectionMsg: problem ?? '',
      };
    }
    case 'listenerAddress': {
      const { addresses: offered } = router.bridge.listeners.get(entity.listener) ?? { addresses: [] };
      return { connectionsOpened: offered.find(({ name }) => name === entity.name)?.connectionsOpened ?? 0 };
    }
    default:
      return {};
  }
}

const NO_PRIORITY = -1;

/** Connections of AMQP clients and routers; what a policy denies is counted where it is denied. */
function policyCounts({ quota }: Entities): ShownEntity {
  return {
    connectionsProcessed: quota.processed,
    connectionsDenied: quota.denied,
    connectionsCurrent: quota.current,
    linksDenied: 0,
    maxMessageSizeDenied: 0,
    totalDenials: quota.denied,
  };
}

/** One for each vhost. Their policies are not enforced: nobody came by one, and nobody was sent away. */
function vhostStats({ entities }: Shown): ShownEntity[] {
  return [...(entities.configured.get('vhost')?.values() ?? [])].flatMap((vhost) =>
    vhost.type !== 'vhost'
      ? []
      : [
          {
            name: `vhostStats/${vhost.hostname}`,
            identity: `vhostStats/${vhost.hostname}`,
            hostname: vhost.hostname,
            connectionsApproved: 0,
            connectionsDenied: 0,
            connectionsCurrent: 0,
            perUserState: {},
            perHostState: {},
            sessionDenied: 0,
            senderDenied: 0,
            receiverDenied: 0,
            maxMessageSizeDenied: 0,
          },
        ],
  );
}

/** Only interior routers know of each other. */
function nodes({ router, entities, wall }: Shown): ShownEntity[] {
  const [configured] = entities.configured.get('router')?.values() ?? [];
  if (configured?.type === 'router' && configured.mode !== 'interior') return [];
  return router.mesh.routers().map((node) => {
    const { id, index, instance, protocolVersion, linkState, nextHop, siteLink, cost, validOrigins, lastTopoChange } =
      node;
    return {
      id,
      name: `router.node/${id}`,
      identity: `router.node/${id}`,
      index,
      instance,
      protocolVersion,
      linkState,
      nextHop: nextHop ?? null,
      validOrigins,
      cost: cost ?? null,
      address: index === 0 ? router.home.slice(0, -1) : `amqp:/_topo/0/${id}`,
      routerLink: siteLink ?? null,
      lastTopoChange:
        lastTopoChange === undefined || lastTopoChange === -Infinity ? null : Math.floor(wall(lastTopoChange) / 1000),
    };
  });
}

function metrics({ router, startedAtMs, now }: Shown): ShownEntity {
  const { deliveries } = router;
  return {
    identity: '1',
    id: router.id,
    version: router.version,
    addrCount: addressCount(router),
    // Itself is not counted.
    nodeCount: Math.max(0, router.mesh.routers().length - 1),
    connectionCount: router.peers.size + router.bridge.flows.size,
    linkCount: linkCount(router),
    linksBlocked: linksBlocked(router, now()),
    autoLinkCount: 0,
    presettledDeliveries: deliveries.presettled,
    droppedPresettledDeliveries: deliveries.droppedPresettled,
    acceptedDeliveries: deliveries.accepted,
    rejectedDeliveries: deliveries.rejected,
    releasedDeliveries: deliveries.released,
    modifiedDeliveries: deliveries.modified,
    deliveriesIngress: deliveries.ingress,
    deliveriesEgress: deliveries.egress,
    deliveriesTransit: deliveries.transit,
    deliveriesIngressRouteContainer: 0,
    deliveriesEgressRouteContainer: 0,
    deliveriesIngressInterNetwork: 0,
    deliveriesEgressInterNetwork: 0,
    deliveriesRedirectedToFallback: 0,
    deliveriesDelayed1Sec: deliveries.delayed1Sec,
    deliveriesDelayed10Sec: deliveries.delayed10Sec,
    deliveriesStuck: deliveries.stuck,
    memoryUsage: virtualBytes(),
    residentMemoryUsage: process.memoryUsage.rss(),
    uptimeSeconds: Math.floor((now() - startedAtMs) / 1000),
    connectionCounters: connectionCounters(router),
  };
}

/** Connections of services by what they speak. */
function connectionCounters(router: Router): object {
  const { tcp, amqp, http1, http2 } = serviceConnections(router);
  return { tcp: wire.ulong(tcp), amqp: wire.ulong(amqp), http1: wire.ulong(http1), http2: wire.ulong(http2) };
}

function logStats({ logBook }: Shown): ShownEntity[] {
  return LOG_MODULES.map((module) => {
    const { debug = 0, info = 0, warning = 0, error = 0, critical = 0 } = logBook?.stats(module) ?? {};
    return {
      name: module,
      identity: `logStats/${module}`,
      debugCount: debug,
      infoCount: info,
      warningCount: warning,
      errorCount: error,
      criticalCount: critical,
    };
  });
}
