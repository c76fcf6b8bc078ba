/**
 * Multicast: one message to every consumer here and, once per neighbour, towards the routers that have some.
 *
 * A copy goes to a neighbour when at least one router behind it would receive the message along its ingress router's
 * own shortest-path tree (valid origins, wire reference 7.1), which every router computes alike, so each consumer
 * gets one copy. The trace keeps copies from routers they have passed.
 */
import type { DeliveryState } from '../amqp/codec/performatives.ts';
import type { Address } from './address-table.ts';
import { countOutgoing } from './delivery-counters.ts';
import type { ForwarderParts } from './forwarder.ts';
import { isOfRouter } from './inter-edge.ts';
import { OUTLET_BYTES_HIGH } from './limits.ts';
import type { Peer } from './peer.ts';
import { type Candidate, type Inlet, type Outlet, Transit } from './transit.ts';

/** @returns false when nobody could take a copy */
export function multicast(parts: ForwarderParts, address: Address, transit: Transit, head: Buffer): boolean {
  const fan = new Fan(transit);
  for (const consumer of address.consumers) {
    if (fan.add(consumer)) countOutgoing(parts.deliveries, address, transit, false);
  }
  for (const peer of neighbours(parts, address, transit)) {
    if (fan.add(peer)) countOutgoing(parts.deliveries, address, transit, true);
  }
  if (fan.empty) return false;
  transit.attach(undefined, fan, EMPTY);
  fan.start(head);
  return true;
}

const EMPTY = Buffer.alloc(0);

function neighbours(parts: ForwarderParts, address: Address, transit: Transit): Set<Peer> {
  if (parts.isEdge) return upwards(parts, transit);
  const trace = transit.annotations?.trace ?? [];
  const ingress = routerOf(transit.annotations?.ingress) ?? parts.routerId;
  const peers = new Set<Peer>();
  for (const routerId of address.remotes) {
    const path = parts.mesh.path(routerId);
    const peer = path && parts.peer(path.siteLink);
    if (!peer || peer.id === transit.from || trace.includes(`0/${peer.containerId}`)) continue;
    if (ingress === parts.routerId || path.validOrigins.has(ingress)) peers.add(peer);
  }
  return peers;
}

/**
 * An edge router hears of consumers elsewhere only for addresses that somebody here has attached to send to: a client
 * whose messages name their addresses is none of these. So the interior router gets a copy of all but what it has sent.
 */
function upwards(parts: ForwarderParts, transit: Transit): Set<Peer> {
  const uplink = parts.uplink();
  return new Set(uplink === undefined || isOfRouter(parts.peer(transit.from)) ? [] : [uplink]);
}

function routerOf(node: string | undefined): string | undefined {
  return node?.startsWith('0/') ? node.slice(2) : undefined;
}

interface Copy {
  transit: Transit;
  outlet: Outlet;
  taker: Taker;
}

type Taker = Pick<Candidate, 'take' | 'done'>;

/** Copies octets to all its copies; the outcome is the best that any receiver gave, once all have settled. */
class Fan implements Outlet, Inlet {
  private readonly original: Transit;
  private readonly copies: Copy[] = [];
  private openCount = 0;
  private best: DeliveryState | undefined;

  constructor(original: Transit) {
    this.original = original;
  }

  get empty(): boolean {
    return this.copies.length === 0;
  }

  /** @returns whether it takes a copy */
  add(taker: Taker): boolean {
    const transit = new Transit(this, NO_REROUTE, this.original.from, this.original.preSettled);
    transit.annotations = this.original.annotations;
    transit.to = this.original.to;
    transit.priority = this.original.priority;
    transit.since = this.original.since;
    transit.whole = this.original.whole;
    transit.origin = this.original.origin;
    const outlet = taker.take(transit);
    if (!outlet) return false;
    this.copies.push({ transit, outlet, taker });
    this.openCount++;
    return true;
  }

  start(head: Buffer): void {
    for (const { transit, outlet, taker } of this.copies) transit.attach(taker, outlet, head);
  }

  // ---- Outlet

  write(bytes: Buffer): void {
    for (const { transit } of this.copies) {
      transit.write(bytes);
      transit.overfull(OUTLET_BYTES_HIGH);
    }
  }

  end(settled: boolean): void {
    for (const { transit } of this.copies) transit.end(settled);
  }

  abort(): void {
    for (const { transit } of this.copies) transit.abort();
  }

  senderUpdate(state: DeliveryState | undefined, settled: boolean): void {
    for (const { transit } of this.copies) transit.senderUpdate(state, settled);
  }

  /** The slowest receiver counts: memory is bounded by what it leaves waiting. */
  get queuedBytes(): number {
    let most = 0;
    for (const { outlet } of this.copies) most = Math.max(most, outlet.queuedBytes);
    return most;
  }

  // ---- Inlet, for the copies

  update(state: DeliveryState | undefined, settled: boolean): void {
    if (state && rank(state) > rank(this.best)) this.best = state;
    if (!settled) return;
    this.openCount--;
    if (this.openCount === 0) this.original.outcome(this, this.best ?? ACCEPTED, true);
  }

  hold(): void {}

  resume(): void {
    if (this.queuedBytes < OUTLET_BYTES_HIGH) this.original.drained(this);
  }
}

const ACCEPTED: DeliveryState = { state: 'accepted' };
const NO_REROUTE = { reroute: () => false };
const RANKS = ['received', 'released', 'modified', 'accepted', 'rejected'];

/** skupper-router's order: rejected over accepted over modified over released. */
function rank(state: DeliveryState | undefined): number {
  return state ? RANKS.indexOf(state.state) : -1;
}
