/**
 * Which edge router a message came from. In the network it has its interior router's id as ingress, and the mesh id that the
 * edge router gave itself; ours derive theirs from their own id. Interior routers announce which edge routers hang on
 * them (addresses of class `H`), so whoever sees such a message can tell which of those it is (docs/adr/0019).
 */
import { MESH_ID_LENGTH } from '../mesh/limits.ts';
import type { AddressTable } from './address-table.ts';
import { hashOf } from './affinity.ts';

const EDGE_CLASS = 'H'.charCodeAt(0);
const PART_LENGTH = 5;
const PART_COUNT = 36 ** PART_LENGTH;

/** The mesh id of an edge router of ours, which is alone in its mesh. */
export function meshIdOf(edgeId: string): string {
  let text = '';
  for (let part = 0; text.length < MESH_ID_LENGTH; part++) {
    text += (hashOf(edgeId, part) % PART_COUNT).toString(36).padStart(PART_LENGTH, '0');
  }
  return text;
}

export class EdgeNames {
  private readonly routerId: string;
  private readonly addresses: AddressTable;
  private readonly byMesh = new Map<string, string>();

  constructor(routerId: string, addresses: AddressTable) {
    this.routerId = routerId;
    this.addresses = addresses;
  }

  /** An address has got consumers somewhere, or lost some. */
  changed(key: string): void {
    if (key.charCodeAt(0) !== EDGE_CLASS) return;
    const edgeId = key.slice(1);
    const meshId = meshIdOf(edgeId);
    if (this.addresses.get(key)?.reachable) this.byMesh.set(meshId, edgeId);
    else if (this.byMesh.get(meshId) === edgeId) this.byMesh.delete(meshId);
  }

  /** The edge router of this mesh id that hangs on an interior router; undefined when there is none of ours. */
  find(interior: string, meshId: string): string | undefined {
    const edgeId = this.byMesh.get(meshId);
    const address = edgeId === undefined ? undefined : this.addresses.get(`H${edgeId}`);
    const isThere = interior === this.routerId ? address?.consumers.length : address?.remotes.has(interior);
    return isThere ? edgeId : undefined;
  }

  /** The mesh id that messages of an edge router here go under: none that is another's. */
  ownMeshId(edgeId: string, meshId: string | undefined): string {
    const owner = meshId === undefined ? undefined : this.byMesh.get(meshId);
    return meshId === undefined || (owner !== undefined && owner !== edgeId) ? NO_MESH : meshId;
  }
}

/** Is no edge router's. */
const NO_MESH = '-'.repeat(MESH_ID_LENGTH);
