/** The running router as management shows it: one list of plain entities a type (wire reference 9.2). */
import type { AddressTable } from '../core/address-table.ts';
import type { Peer } from '../core/peer.ts';
import type { Router } from '../core/router.ts';
import { Treatment } from '../core/treatment.ts';
import type { ShownEntity } from '../management/managed-router.ts';
import type { Entity, EntityType } from '../management/schema.ts';
import type { Entities } from './entities.ts';

export interface Shown {
  router: Router;
  entities: Entities;
  hostName: string;
  /** On the router's clock. */
  startedAtMs: number;
  now: () => number;
  /** Milliseconds since 1970 of a time on the router's clock. */
  wall: (ms: number) => number;
}

/** All entities of a type, by its short name. */
export function show(type: string, shown: Shown): readonly ShownEntity[] {
  switch (type) {
    case 'connection':
      return [...shown.router.peers.values()].map((peer) => connection(peer, shown));
    case 'router.node':
      return nodes(shown);
    case 'router.address':
      return addresses(shown.router.addresses);
    case 'router.link':
      return [...shown.router.peers.values()].flatMap(links);
    case 'routerMetrics':
      return [metrics(shown)];
    case 'tcpConnection':
      return tcpConnections(shown.router);
    default:
      return [...(shown.entities.configured.get(type as EntityType)?.values() ?? [])].map((entity) => ({
        ...entity,
        ...running(entity, shown),
      }));
  }
}

/** What a configured entity does at the moment. */
function running(entity: Entity, { router, entities, hostName }: Shown): ShownEntity {
  switch (entity.type) {
    case 'router':
      return { version: router.version, hostName, area: '0' };
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
        connectionMsg: socket?.problem,
      };
    }
    case 'listener': {
      const problem = entities.listening.get(entity.name)?.problem;
      return { operStatus: problem === undefined ? 'up' : 'down', connectionMsg: problem };
    }
    case 'tcpConnector': {
      const connector = router.bridge.connectors.get(entity.name);
      const problem = connector?.problem;
      return { ...connector?.counters, operStatus: problem === undefined ? 'up' : 'down', connectionMsg: problem };
    }
    default:
      return {};
  }
}

function connection(peer: Peer, { now }: Shown): ShownEntity {
  const { options } = peer;
  return {
    name: `connection/${options.host}`,
    identity: String(peer.id),
    container: peer.containerId,
    opened: peer.openedAt !== undefined,
    operStatus: 'up',
    adminStatus: 'enabled',
    host: options.host,
    dir: options.dir,
    role: peer.role,
    isAuthenticated: options.user !== undefined,
    isEncrypted: options.encrypted,
    user: options.user,
    ssl: options.encrypted,
    sslProto: options.tls?.protocol,
    sslCipher: options.tls?.cipher,
    sasl: options.user === undefined ? 'ANONYMOUS' : 'EXTERNAL',
    properties: peer.connection.remoteOpen?.properties,
    uptimeSeconds: peer.openedAt === undefined ? 0 : Math.floor((now() - peer.openedAt) / 1000),
    groupCorrelationId: peer.groupCorrelator,
    groupOrdinal: peer.groupOrdinal,
    tlsOrdinal: options.tlsOrdinal,
    meshId: peer.meshId,
  };
}

function nodes({ router, wall }: Shown): ShownEntity[] {
  return router.mesh.routers().map((node) => {
    const { id, index, instance, protocolVersion, linkState, nextHop, siteLink, cost, validOrigins, lastTopoChange } =
      node;
    return {
      id,
      name: `router.node/${id}`,
      identity: id,
      index,
      instance,
      protocolVersion,
      linkState,
      nextHop: nextHop ?? null,
      validOrigins,
      cost: cost ?? null,
      address: index === 0 ? router.home.slice(0, -1) : `amqp:/_topo/0/${id}`,
      routerLink: siteLink === undefined ? null : String(siteLink),
      lastTopoChange:
        lastTopoChange === undefined || lastTopoChange === -Infinity ? null : Math.floor(wall(lastTopoChange) / 1000),
    };
  });
}

const DISTRIBUTIONS = Object.fromEntries(Object.entries(Treatment).map(([name, value]) => [value, name]));

function addresses(table: AddressTable): ShownEntity[] {
  return [...table.all()].map((address) => ({
    name: address.key,
    identity: address.key,
    key: address.key,
    distribution: DISTRIBUTIONS[address.treatment],
    inProcess: 0,
    subscriberCount: address.consumers.length,
    remoteCount: address.remotes.size,
    containerCount: 0,
    remoteHostRouters: [...address.remotes],
    deliveriesIngress: address.deliveriesIngress,
    deliveriesEgress: address.deliveriesEgress,
    deliveriesTransit: address.deliveriesTransit,
    watch: address.watchers.size > 0,
  }));
}

function links(peer: Peer): ShownEntity[] {
  const control = peer.control === undefined ? [] : [peer.control];
  const router = [...control, ...peer.data].map((link, at) => ({
    identity: `${peer.id}:${link.name}`,
    linkName: link.name,
    linkType: at < control.length ? 'router-control' : 'inter-router',
    linkDir: 'out',
    connectionId: String(peer.id),
    creditAvailable: link.credit,
    operStatus: 'up',
    priority: Math.max(0, at - control.length),
  }));
  const endpoints = [...peer.endpoints].map(({ link, address }) => ({
    identity: `${peer.id}:${link.name}`,
    linkName: link.name,
    linkType: 'endpoint',
    linkDir: link.role === 'sender' ? 'out' : 'in',
    owningAddr: address,
    connectionId: String(peer.id),
    creditAvailable: link.credit,
    operStatus: 'up',
  }));
  return [...router, ...endpoints];
}

function metrics({ router, startedAtMs, now }: Shown): ShownEntity {
  const { deliveries } = router;
  return {
    id: router.id,
    version: router.version,
    addrCount: router.addresses.size,
    nodeCount: router.mesh.routers().length,
    connectionCount: router.peers.size,
    linkCount: [...router.peers.values()].reduce((sum, peer) => sum + peer.data.length * 2 + peer.endpoints.size, 0),
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
    residentMemoryUsage: process.memoryUsage.rss(),
    uptimeSeconds: Math.floor((now() - startedAtMs) / 1000),
  };
}

function tcpConnections({ bridge }: Router): ShownEntity[] {
  return [
    ...[...bridge.listeners.values()].flatMap((listener) =>
      [...listener.flows].map((flow) => ({
        identity: `tcpConnection/${flow.id}`,
        address: listener.options.address,
        direction: 'in',
        bytesIn: flow.bytesIn,
        bytesOut: flow.bytesOut,
      })),
    ),
    ...[...bridge.connectors.values()].flatMap((connector) =>
      [...connector.flows].map((flow) => ({
        identity: `tcpConnection/${flow.id}`,
        address: connector.address,
        direction: 'out',
        bytesIn: flow.bytesIn,
        bytesOut: flow.bytesOut,
      })),
    ),
  ];
}
