/**
 * Which edge mesh this edge router is of: edge routers that are joined among themselves agree on one mesh id, and tell their
 * interior routers, who send nothing back to the mesh that it came from (wire reference 8).
 *
 * Each bids with a number that grows with the time of its start and a proposal; the lowest number wins, so that a mesh
 * keeps its id while routers join. Without neighbours the id is the one that others can derive from this router's own id
 * (docs/adr/0019). Decides only; `inter-edge.ts` speaks.
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

export class EdgeMesh {
  /** Messages of this router go under it. */
  id: string;
  own: Bid;
  private readonly parts: EdgeMeshParts;
  private readonly members = new Map<object, { ordinal: number | undefined; equalCount: number }>();
  private winner: number;

  constructor(parts: EdgeMeshParts) {
    this.parts = parts;
    this.id = meshIdOf(parts.routerId);
    this.own = { ordinal: this.newOrdinal(), id: this.id };
    this.winner = this.own.ordinal;
  }

  joined(member: object): EdgeMeshNews {
    const isFirst = this.members.size === 0;
    this.members.set(member, { ordinal: undefined, equalCount: 0 });
    // The derived id says which single router a message is of: that of a mesh must not.
    return isFirst ? this.stand({ ordinal: this.own.ordinal, id: this.parts.newId() }) : NOTHING;
  }

  left(member: object): EdgeMeshNews {
    const known = this.members.get(member);
    if (known === undefined) return NOTHING;
    this.members.delete(member);
    if (this.members.size === 0) return this.stand({ ordinal: this.own.ordinal, id: meshIdOf(this.parts.routerId) });
    return known.ordinal === this.winner ? this.stand(this.own) : NOTHING;
  }

  /** @returns undefined when the bid is not to be heard */
  heard(member: object, { ordinal, id }: Bid): EdgeMeshNews | undefined {
    const known = this.members.get(member);
    if (known === undefined || id.length !== MESH_ID_LENGTH || !Number.isSafeInteger(ordinal)) return undefined;
    if (ordinal === this.own.ordinal) {
      if (++known.equalCount > EQUAL_BIDS_MAX) return undefined;
      return this.stand({ ordinal: this.newOrdinal(), id: this.parts.newId() });
    }
    known.ordinal = ordinal;
    if (ordinal >= this.winner) return NOTHING;
    this.winner = ordinal;
    // As the next to bid this router proposes what its mesh has by then.
    this.own = { ordinal: this.own.ordinal, id };
    return { changed: this.take(id), rebid: false };
  }

  /** Begins again as if its own bid were the best. */
  private stand(own: Bid): EdgeMeshNews {
    this.own = own;
    this.winner = own.ordinal;
    return { changed: this.take(own.id), rebid: true };
  }

  private take(id: string): boolean {
    const changed = this.id !== id;
    this.id = id;
    return changed;
  }

  private newOrdinal(): number {
    return this.parts.instance * SECOND + Math.floor(this.parts.random() * SECOND);
  }
}

const SECOND = 1_000_000;
const NOTHING: EdgeMeshNews = { changed: false, rebid: false };
