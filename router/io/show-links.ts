/**
 * Links as management shows them: every AMQP link of every connection, and for each TCP flow the two that skupper-router
 * would have for it. Links have no numbers of their own: each gets one when it is shown first, and keeps it.
 */
import type { AnyLink } from '../amqp/engine/events.ts';
import { ClientConsumer } from '../core/client-links.ts';
import { DOWNLINK_CAPABILITY, INTER_EDGE_CAPABILITY } from '../core/edge-protocol.ts';
import { hashKey } from '../core/hash-key.ts';
import { LINK_CAPACITY } from '../core/limits.ts';
import { CONTROL, type Peer } from '../core/peer.ts';
import type { Router } from '../core/router.ts';
import type { ShownEntity } from '../management/managed-router.ts';
import type { Shown } from './show.ts';
import { type ShownFlow, shownFlows } from './show-flows.ts';
import { byRouter } from './show-tables.ts';

/** Of links that carry messages of clients, and of streams. */
const DEFAULT_PRIORITY = 4;
const CONTROL_PRIORITY = 9;
const BLOCKED_SECONDS = 10;

const numbers = new WeakMap<AnyLink, number>();
let nextNumber = 1;

export function links(shown: Shown, protocol?: string): ShownEntity[] {
  const isWanted = (name: string) => protocol === undefined || protocol === name;
  const rows: ShownEntity[] = [];
  if (isWanted('amqp')) {
    for (const peer of shown.router.peers.values()) {
      for (const [link, place] of linksOf(peer)) rows.push(amqpLink(link, place, peer, shown));
    }
  }
  if (isWanted('tcp')) for (const flow of shownFlows(shown)) rows.push(...flowLinks(flow));
  return rows;
}

export function linkCount({ peers, bridge }: Router): number {
  let count = bridge.flows.size * 2;
  for (const peer of peers.values()) for (const _ of linksOf(peer)) count++;
  return count;
}

/** Links by which we send that have been without credit as long as a delivery is stuck. */
export function linksBlocked({ peers }: Router, now: number): number {
  let count = 0;
  for (const peer of peers.values()) {
    for (const [link] of linksOf(peer)) {
      if (link.role === 'sender' && link.pace.blockedSeconds(now) >= BLOCKED_SECONDS) count++;
    }
  }
  return count;
}

interface Place {
  readonly type: 'router-control' | 'inter-router' | 'inter-edge' | 'edge-downlink' | 'endpoint';
  readonly priority: number;
}

/** Links that are attached, each with what it is for. */
function* linksOf(peer: Peer): Iterable<[AnyLink, Place]> {
  let received = 0;
  for (const session of peer.connection.sessions()) {
    for (const link of session.links()) {
      if (link.state !== 'attached') continue;
      const isControl = link === peer.control || link.context === CONTROL;
      if (isControl) yield [link, { type: 'router-control', priority: CONTROL_PRIORITY }];
      else if (peer.role === 'inter-router' || peer.role === 'inter-router-data') {
        const at = link.role === 'sender' ? (peer.data as readonly AnyLink[]).indexOf(link) : received++;
        const isData = at >= 0 && at < peer.data.length;
        yield [link, { type: 'inter-router', priority: isData ? at : DEFAULT_PRIORITY }];
      } else {
        const can = (name: string): boolean =>
          [link.source, link.target].some((end) => end?.capabilities?.includes(name));
        const type = can(DOWNLINK_CAPABILITY)
          ? 'edge-downlink'
          : can(INTER_EDGE_CAPABILITY)
            ? 'inter-edge'
            : 'endpoint';
        yield [link, { type, priority: DEFAULT_PRIORITY }];
      }
    }
  }
}

function amqpLink(link: AnyLink, { type, priority }: Place, peer: Peer, { router, now }: Shown): ShownEntity {
  const { counters, pace } = link;
  let number = numbers.get(link);
  if (number === undefined) {
    number = nextNumber++;
    numbers.set(link, number);
  }
  return {
    name: link.name,
    identity: String(number),
    linkName: link.name,
    linkType: type,
    linkDir: link.role === 'sender' ? 'out' : 'in',
    owningAddr: owningAddress(link, type, peer, router.id),
    capacity: peer.options.linkCapacity ?? LINK_CAPACITY,
    undeliveredCount: link.undeliveredCount,
    unsettledCount: link.unsettledCount,
    deliveryCount: counters.deliveries,
    connectionId: String(peer.id),
    operStatus: 'up',
    presettledCount: counters.presettled,
    droppedPresettledCount: counters.droppedPresettled,
    acceptedCount: counters.accepted,
    rejectedCount: counters.rejected,
    releasedCount: counters.released,
    modifiedCount: counters.modified,
    deliveriesDelayed1Sec: counters.delayed1Sec,
    deliveriesDelayed10Sec: counters.delayed10Sec,
    deliveriesStuck: counters.stuck,
    // A stream has its own link from its first frame on: none moves.
    openMovedStreams: 0,
    priority,
    settleRate: pace.settleRate(now()),
    creditAvailable: link.credit,
    ingressHistogram: link.context instanceof ClientConsumer ? byRouter(link.context.ingressCounts, router) : null,
    zeroCreditSeconds: pace.blockedSeconds(now()),
  };
}

/** The key of the address that all messages of a link are for. */
function owningAddress(link: AnyLink, type: Place['type'], peer: Peer, routerId: string): string | null {
  if (type === 'edge-downlink') return link.role === 'sender' ? `H${peer.containerId}` : null;
  if (type === 'router-control') return link.role === 'sender' ? 'Lqdhello' : null;
  const address = link.role === 'sender' ? link.source?.address : link.target?.address;
  return type === 'inter-router' || !address ? null : hashKey(address, routerId);
}

/** One delivery each way, under way as long as the flow is. */
function* flowLinks({ flow, direction, address }: ShownFlow): Iterable<ShownEntity> {
  for (const linkDir of ['in', 'out'] as const) {
    const toService = (direction === 'in') === (linkDir === 'in');
    yield {
      name: `tcp.${flow.id}.${linkDir}`,
      identity: `tcp/${flow.id}/${linkDir}`,
      linkName: `tcp.${flow.id}.${linkDir}`,
      linkType: 'endpoint',
      linkDir,
      owningAddr: toService && address !== undefined ? `M${address}` : null,
      capacity: 1,
      undeliveredCount: linkDir === 'out' ? 1 : 0,
      unsettledCount: linkDir === 'in' ? 1 : 0,
      deliveryCount: 1,
      connectionId: `tcp/${flow.id}`,
      operStatus: 'up',
      ...NOTHING_SETTLED,
      openMovedStreams: 0,
      priority: DEFAULT_PRIORITY,
      settleRate: 0,
      creditAvailable: 1,
      zeroCreditSeconds: 0,
    };
  }
}

const NOTHING_SETTLED = {
  presettledCount: 0,
  droppedPresettledCount: 0,
  acceptedCount: 0,
  rejectedCount: 0,
  releasedCount: 0,
  modifiedCount: 0,
  deliveriesDelayed1Sec: 0,
  deliveriesDelayed10Sec: 0,
  deliveriesStuck: 0,
};
