/**
 * Sees to it that a message to all passes here once while the ways of the network change (wire reference 7.2). Its copies carry no name
 * by which they could be told to be one message; routers that have heard of a change and routers that have not send them by different ways.
 * When all is quiet, every message that entered the network at one router has come the same way, as its trace tells. So what has come
 * another way soon after is taken for a copy and let go. What is sent while the ways change may thus be lost; it was never sure to arrive.
 *
 * Invariant: of a router that is known, only a neighbour counts that can be the last before this router on a shortest way, so that none
 * can keep others' messages out by claiming to bring them.
 */
import type { Mesh } from '../mesh/mesh.ts';
import { hashOf } from './affinity.ts';
import { ARRIVAL_ORIGINS_MAX, ARRIVAL_SWITCH_MS } from './limits.ts';
import type { Peer } from './peer.ts';
import type { Transit } from './transit.ts';

interface Arrival {
  /** Of its trace. */
  way: number;
  at: number;
}

export interface ArrivalParts {
  routerId: string;
  mesh: Pick<Mesh, 'path'>;
  isEdge: boolean;
  peer(connection: number): Peer | undefined;
  now(): number;
}

export class Arrivals {
  private readonly parts: ArrivalParts;
  /** By the router where the messages entered the network. */
  private readonly last = new Map<string, Arrival>();

  constructor(parts: ArrivalParts) {
    this.parts = parts;
  }

  /** @returns false when the message may have been here before */
  admits(transit: Transit): boolean {
    const peer = transit.from === 0 ? undefined : this.parts.peer(transit.from);
    const ingress = transit.annotations?.ingress;
    if (peer === undefined || !passesOn(peer) || ingress === undefined) return true;
    const origin = ingress.slice(ingress.indexOf('/') + 1);
    if (origin === this.parts.routerId) return true;
    // An edge router knows no ways: it relies on its interior router. And a router may be heard before it is known.
    const path = this.parts.isEdge ? undefined : this.parts.mesh.path(origin);
    if (path !== undefined && !path.arrivesBy.has(peer.containerId)) return false;
    return this.isOnlyWay(origin, wayOf(transit));
  }

  private isOnlyWay(origin: string, way: number): boolean {
    const now = this.parts.now();
    const last = this.last.get(origin);
    if (last === undefined) {
      if (this.last.size >= ARRIVAL_ORIGINS_MAX) this.last.clear();
      this.last.set(origin, { way, at: now });
      return true;
    }
    if (last.way !== way && now - last.at < ARRIVAL_SWITCH_MS) return false;
    last.way = way;
    last.at = now;
    return true;
  }
}

/** A number instead of the ids: what a neighbour claims must not fill memory. */
function wayOf({ annotations }: Transit): number {
  let way = 0;
  for (const id of annotations?.trace ?? []) way = hashOf(id, way);
  return way;
}

/** It passes on what others have sent; edge routers here send their own. */
function passesOn({ role, options }: Peer): boolean {
  return role === 'inter-router' || role === 'inter-router-data' || (role === 'edge' && options.dir === 'out');
}
