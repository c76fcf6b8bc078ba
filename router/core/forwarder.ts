/**
 * Where a message goes: the choice among an address's consumers here and at other routers, and the way to them.
 *
 * Anycast follows skupper-router's rule (wire reference 7.2): the candidate with the fewest open deliveries plus the
 * cost of the way wins; equals take turns. A message never goes to a router it has passed (its trace says which), so
 * no loop is possible however stale a router's picture is. Multicast is `multicast.ts`.
 */
import type { Mesh } from '../mesh/mesh.ts';
import type { Address, AddressTable } from './address-table.ts';
import { choose } from './affinity.ts';
import { Arrivals } from './arrivals.ts';
import { beganHere, countOutgoing, type DeliveryCounters } from './delivery-counters.ts';
import { withDoubt } from './doubt.ts';
import { UPLINK } from './edge-protocol.ts';
import { hashKey } from './hash-key.ts';
import { isOfRouter } from './inter-edge.ts';
import { multicast } from './multicast.ts';
import { patienceLeft, withPatience } from './patience.ts';
import type { Peer } from './peer.ts';
import type { Candidate, Outlet, Rerouter, Transit } from './transit.ts';
import { Treatment } from './treatment.ts';
import { takeTurn } from './weights.ts';

export interface ForwarderParts {
  routerId: string;
  addresses: AddressTable;
  mesh: Mesh;
  /** The inter-router connection behind a mesh link. */
  peer(siteLink: number): Peer | undefined;
  /** The interior router in use, at an edge router; undefined at others, and while there is none. */
  uplink(): Peer | undefined;
  isEdge: boolean;
  /** A TCP flow or client waiting on a temporary address of this router. */
  local(key: string): Candidate | undefined;
  deliveries: DeliveryCounters;
  /** Time of the turn, ms. */
  now(): number;
}

export class Forwarder implements Rerouter {
  /** Streams that were given back at once, since all connectors here are passed over and there is another way. */
  handedBackCount = 0;
  private readonly parts: ForwarderParts;
  private readonly ways = new Map<string, NextHop>();
  private readonly arrivals: Arrivals;

  constructor(parts: ForwarderParts) {
    this.parts = parts;
    this.arrivals = new Arrivals(parts);
  }

  /** Sends a transit on its way by `transit.to`. @returns false when nobody can take it. */
  forward(transit: Transit, head: Buffer): boolean {
    transit.since = this.parts.now();
    const taken = this.route(transit, head);
    if (taken && beganHere(transit)) this.parts.deliveries.ingress++;
    return taken;
  }

  /** Sends one that no consumer of its former address has taken to its new one. */
  redirect(transit: Transit, head: Buffer): boolean {
    return this.route(transit, head);
  }

  reroute(transit: Transit): boolean {
    const { head, windowed, isDoubtful } = transit;
    if (head === undefined) return false;
    return this.route(transit, windowed && isDoubtful ? withDoubt(head) : head);
  }

  /** Nothing is ever to be sent to the address. */
  isUnavailable(to: string): boolean {
    const key = hashKey(to, this.parts.routerId);
    return key.charCodeAt(0) === MOBILE_CLASS && this.parts.addresses.treatmentOf(key) === Treatment.unavailable;
  }

  /** Forgets what was known about the ways over a connection that is gone. */
  peerLost(peer: Peer): void {
    for (const address of this.parts.addresses.all()) address.hops.delete(peer.id);
    this.ways.clear();
  }

  private route(transit: Transit, head: Buffer): boolean {
    const key = hashKey(transit.to, this.parts.routerId);
    const local = this.parts.local(key);
    if (local) return this.give(transit, local, head);
    const address = this.parts.addresses.get(key);
    const type = key.charCodeAt(0);
    if (this.parts.isEdge && type === EDGE_CLASS && address && this.forwardAnycast(transit, address, head)) return true;
    if (this.parts.isEdge && (type === ROUTER_CLASS || type === EDGE_CLASS || (type === MOBILE_CLASS && !address))) {
      return this.forwardToRouter(transit, UPLINK, head);
    }
    if (type === ROUTER_CLASS) return this.forwardToRouter(transit, key.slice(1), head);
    if (!address || address.treatment === Treatment.unavailable) return false;
    if (beganHere(transit)) address.deliveriesIngress++;
    if (address.treatment === Treatment.multicast || address.treatment === Treatment.flood) {
      return this.arrivals.admits(transit) && multicast(this.parts, address, transit, head);
    }
    return this.forwardAnycast(transit, address, head);
  }

  private forwardAnycast(transit: Transit, address: Address, kept: Buffer): boolean {
    for (let head = kept; ; ) {
      const choice = this.choose(address, transit);
      if (!choice) return false;
      const { chosen, others } = choice;
      if (chosen.passedOver && transit.patienceMs !== undefined && !transit.isLastRound) {
        this.handedBackCount++;
        return false;
      }
      head = this.hurried(transit, chosen, others, head);
      if (this.give(transit, chosen, head, address)) return true;
      transit.tried.add(chosen);
    }
  }

  /** Says with a stream how long its dial may take while it has another way. @returns its head */
  private hurried(transit: Transit, chosen: Candidate, others: boolean, head: Buffer): Buffer {
    if (!transit.windowed) return head;
    const hurries = (others || transit.patienceMs !== undefined) && !transit.isLastRound;
    transit.tryMs = hurries ? patienceLeft(transit.patienceMs, this.parts.now() - transit.since) : undefined;
    // One that dials is of this router: it reads no head.
    if (chosen.passedOver !== undefined || transit.tryMs === transit.headPatienceMs) return head;
    transit.headPatienceMs = transit.tryMs;
    return withPatience(head, transit.tryMs);
  }

  private choose(address: Address, transit: Transit): Choice | undefined {
    if (transit.affinity !== undefined) return this.chooseBound(address, transit, transit.affinity);
    const closest = address.treatment === Treatment.closest;
    const candidates = this.candidates(address, transit);
    const count = candidates.length;
    let best: Candidate | undefined;
    let bestValue = Number.POSITIVE_INFINITY;
    let bestAt = 0;
    let usableCount = 0;
    let weight: number | undefined;
    let isByWeight = false;
    for (let i = 0; i < count; i++) {
      const at = (address.cursor + i) % count;
      const candidate = candidates[at]!;
      if (!isUsable(candidate, transit)) continue;
      usableCount++;
      isByWeight ||= candidate.weight !== undefined && weight !== undefined && candidate.weight !== weight;
      weight ??= candidate.weight;
      const value = closest ? candidate.cost : candidate.cost + candidate.openCount;
      if (value < bestValue) {
        best = candidate;
        bestValue = value;
        bestAt = at;
      }
    }
    if (count > 1) address.cursor = (bestAt + 1) % count;
    if (best && isByWeight) {
      const usable = candidates.filter((each) => isUsable(each, transit));
      best = takeTurn(best, usable);
    }
    return best && { chosen: best, others: usableCount > 1 };
  }

  /** For a client with session affinity: first of the routers, then of the consumers here, as any other router would choose. */
  private chooseBound(address: Address, transit: Transit, client: number): Choice | undefined {
    const usable = address.consumers.filter((each) => isUsable(each, transit));
    const here = cheapest(usable);
    const choices: { routerId: string; cost: number; candidate: Candidate }[] = [];
    for (const routerId of address.remotes) {
      const way = this.wayOf(address, routerId, transit);
      if (way === undefined || transit.tried.has(way.hop)) continue;
      choices.push({ routerId, cost: way.cost, candidate: way.hop });
    }
    const own = choose(client, here, ({ affinityName = '', weight }) => ({ name: `consumer ${affinityName}`, weight }));
    // One that refused a moment ago is for when there is no other.
    if (own && (own.cost === 0 || choices.length === 0)) {
      choices.push({ routerId: this.parts.routerId, cost: own.cost, candidate: own });
    }
    const allowed = address.treatment === Treatment.closest ? cheapest(choices) : choices;
    const chosen = choose(client, allowed, ({ routerId }) => ({ name: `router ${routerId}` }))?.candidate;
    if (chosen === undefined) return undefined;
    const others = usable.some((each) => each !== chosen) || choices.some(({ candidate }) => candidate !== chosen);
    return { chosen, others };
  }

  private candidates(address: Address, transit: Transit): Candidate[] {
    if (address.remotes.size === 0) return address.consumers;
    const hops = new Set<NextHop>();
    for (const routerId of address.remotes) {
      if (isInMesh(transit, address, routerId)) continue;
      const way = this.wayOf(address, routerId, transit);
      if (!way) continue;
      const { hop, cost } = way;
      hop.cost = hops.has(hop) ? Math.min(hop.cost, cost) : cost;
      hops.add(hop);
    }
    return [...address.consumers, ...hops];
  }

  /** The best way to a router; for a stream that has come back from there because it was lost, another one if there is. */
  private wayOf(address: Address, routerId: string, transit: Transit): { hop: NextHop; cost: number } | undefined {
    const peer = this.wayTo(routerId, transit);
    const hop = peer && this.hop(address, peer);
    if (transit.windowed && transit.lostItsWay && (hop === undefined || transit.tried.has(hop))) {
      for (const { siteLink, cost } of this.parts.mesh.detours(routerId)) {
        const other = this.parts.peer(siteLink);
        if (!other || !isForward(other, transit)) continue;
        const detour = this.hop(address, other);
        if (!transit.tried.has(detour)) return { hop: detour, cost };
      }
    }
    return hop && { hop, cost: this.parts.mesh.path(routerId)?.cost ?? 1 };
  }

  /** The neighbour towards a router, unless the message has been there. */
  private wayTo(routerId: string, transit: Transit): Peer | undefined {
    const peer = wayTo(this.parts, routerId);
    if (!peer || !isForward(peer, transit)) return undefined;
    // An edge router is on the way of nobody's messages.
    if (routerId === UPLINK && isOfRouter(this.parts.peer(transit.from))) return undefined;
    return peer;
  }

  private hop(address: Address, peer: Peer): NextHop {
    let hop = address.hops.get(peer.id) as NextHop | undefined;
    if (!hop) {
      hop = new NextHop(peer);
      address.hops.set(peer.id, hop);
    }
    return hop;
  }

  private forwardToRouter(transit: Transit, routerId: string, head: Buffer): boolean {
    const peer = this.wayTo(routerId, transit);
    if (!peer) return false;
    let way = this.ways.get(routerId);
    if (!way || way.peer !== peer) {
      way = new NextHop(peer);
      this.ways.set(routerId, way);
    }
    return !transit.tried.has(way) && this.give(transit, way, head);
  }

  private give(transit: Transit, candidate: Candidate, head: Buffer, address?: Address): boolean {
    const outlet = candidate.take(transit);
    if (!outlet) return false;
    countOutgoing(this.parts.deliveries, address, transit, candidate instanceof NextHop);
    transit.attach(candidate, outlet, head);
    return true;
  }
}

interface Choice {
  chosen: Candidate;
  /** There are more that have not been tried. */
  others: boolean;
}

function isUsable(candidate: Candidate, transit: Transit): boolean {
  return !transit.tried.has(candidate) && candidate.accepts?.(transit) !== false;
}

const ROUTER_CLASS = 'R'.charCodeAt(0);
const EDGE_CLASS = 'H'.charCodeAt(0);
const MOBILE_CLASS = 'M'.charCodeAt(0);

function cheapest<T extends { readonly cost: number }>(choices: readonly T[]): T[] {
  const least = choices.reduce((cost, choice) => Math.min(cost, choice.cost), Number.POSITIVE_INFINITY);
  return choices.filter(({ cost }) => cost === least);
}

/** It would lead back to the edge mesh that the message came from. */
function isInMesh({ annotations }: Transit, { remoteMeshes }: Address, routerId: string): boolean {
  return remoteMeshes !== undefined && remoteMeshes.get(routerId) === (annotations?.ingressMesh ?? '');
}

/** The message has not been there. */
function isForward(peer: Peer, { from, annotations }: Transit): boolean {
  return peer.id !== from && annotations?.trace.includes(`0/${peer.containerId}`) !== true;
}

/** The neighbour towards a router. */
function wayTo(parts: ForwarderParts, routerId: string): Peer | undefined {
  if (routerId === UPLINK) return parts.uplink();
  const path = parts.mesh.path(routerId);
  return path && parts.peer(path.siteLink);
}

/** The deliveries of one address that go by one neighbour. */
class NextHop implements Candidate {
  readonly peer: Peer;
  cost = 0;
  openCount = 0;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  take(transit: Transit): Outlet | undefined {
    const outlet = this.peer.take(transit);
    if (outlet) this.openCount++;
    return outlet;
  }

  done(): void {
    this.openCount--;
  }
}
