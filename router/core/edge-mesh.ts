/**
 * Which edge mesh this edge router is of: edge routers that are joined among themselves agree on one mesh id, and tell their
 * interior routers, who send nothing back to the mesh that it came from (wire reference 8).
 *
 * Each bids with a number that grows with the time of its start and a proposal; the lowest number wins, so that a mesh
 * keeps its id while routers join. Among those that started in one second chance decides. Without neighbours the id is the one
 * that others can derive from this router's own id (docs/adr/0019). Decides only; `inter-edge.ts` speaks.
 */
import { MESH_ID_LENGTH } from '../mesh/limits.ts';
import { meshIdOf } from './edge-names.ts';
import { EQUAL_BIDS_MAX } from './limits.ts';

export interface Bid {
  /** Microseconds since 1970 by custom. */
  readonly ordinal: number;
  readonly id: string;
}

export interface EdgeMeshParts {
  routerId: string;
  /** Of this router's start, seconds since 1970. */
  instance: number;
  /** A fresh mesh id. */
  newId: () => string;
  /** Uniform in [0, 1). */
  random: () => number;
}

/** What follows from something that happened. */
export interface EdgeMeshNews {
  /** The mesh id is another one. */
  readonly changed: boolean;
  /** All members are to hear this router's bid again. */
  readonly rebid: boolean;
}

interface Member {
  /** The last one heard of it. */
  bid: Bid | undefined;
  equalCount: number;
}

export class EdgeMesh {
  /** Messages of this router go under it. */
  id: string;
  own: Bid;
  private readonly parts: EdgeMeshParts;
  private readonly members = new Map<object, Member>();
  /** Members may know another bid of this router. */
  private isUntold = false;

  constructor(parts: EdgeMeshParts) {
    this.parts = parts;
    this.id = meshIdOf(parts.routerId);
    this.own = { ordinal: this.newOrdinal(), id: this.id };
  }

  /** The new member is to hear this router's bid in any case. */
  joined(member: object): EdgeMeshNews {
    const isFirst = this.members.size === 0;
    this.members.set(member, { bid: undefined, equalCount: 0 });
    // The derived id says which single router a message is of: that of a mesh must not.
    if (isFirst) this.propose({ ordinal: this.own.ordinal, id: this.parts.newId() });
    return this.settle();
  }

  left(member: object): EdgeMeshNews {
    this.members.delete(member);
    if (this.members.size === 0) this.propose({ ordinal: this.own.ordinal, id: meshIdOf(this.parts.routerId) });
    return this.settle();
  }

  /** @returns undefined when the bid is not to be heard */
  heard(member: object, bid: Bid): EdgeMeshNews | undefined {
    const known = this.members.get(member);
    if (known === undefined || bid.id.length !== MESH_ID_LENGTH || !Number.isSafeInteger(bid.ordinal)) return undefined;
    if (bid.ordinal === this.own.ordinal && ++known.equalCount > EQUAL_BIDS_MAX) return undefined;
    known.bid = bid;
    if (bid.ordinal !== this.own.ordinal) return this.settle();
    this.propose({ ordinal: this.newOrdinal(), id: this.parts.newId() });
    const { changed } = this.settle();
    this.isUntold = false;
    return { changed, rebid: true };
  }

  private propose(own: Bid): void {
    this.own = own;
    this.isUntold = true;
  }

  /** The lowest bid wins. */
  private settle(): EdgeMeshNews {
    let best = this.own;
    for (const { bid } of this.members.values()) if (bid !== undefined && bid.ordinal < best.ordinal) best = bid;
    const rebid = best === this.own && this.isUntold;
    if (rebid) this.isUntold = false;
    // Should it be the lowest one day, its mesh keeps the id that it has.
    if (best.id !== this.own.id) this.propose({ ordinal: this.own.ordinal, id: best.id });
    const changed = this.id !== best.id;
    this.id = best.id;
    return { changed, rebid };
  }

  private newOrdinal(): number {
    return this.parts.instance * SECOND + Math.floor(this.parts.random() * SECOND);
  }
}

const SECOND = 1_000_000;
