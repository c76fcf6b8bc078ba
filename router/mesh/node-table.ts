/** The other routers of the network, known or only named, each with its index among at most `ROUTERS_MAX`. */
import { ADDRESSES_PER_NEIGHBOUR_MAX, ADDRESSES_PER_ROUTER_MAX, ROUTERS_MAX } from './limits.ts';
import { Node } from './node.ts';
import type { MeshOptions } from './options.ts';

export class NodeTable {
  /** Routers not taken in because the network has too many. */
  refusedCount = 0;
  readonly #nodes = new Map<string, Node>();
  readonly #options: MeshOptions;

  constructor(options: MeshOptions) {
    this.#options = options;
  }

  get(id: string): Node | undefined {
    return this.#nodes.get(id);
  }

  values(): IterableIterator<Node> {
    return this.#nodes.values();
  }

  /** The router's node, made when it is named for the first time; undefined when there is no room. */
  learn(id: string, now: number): Node | undefined {
    const known = this.#nodes.get(id);
    if (known !== undefined) return known;
    const index = this.#freeIndex();
    if (index >= ROUTERS_MAX) {
      this.refusedCount++;
      return undefined;
    }
    const node = new Node(id, index, this.#options, now);
    this.#nodes.set(id, node);
    return node;
  }

  /** The node of a neighbour, which takes the place of one that is only said to be, with no way to it and nothing known of it. */
  learnNeighbour(id: string, now: number): Node | undefined {
    if (!this.#nodes.has(id) && this.#nodes.size >= ROUTERS_MAX - 1) {
      for (const node of this.#nodes.values()) {
        if (node.path !== undefined || node.peers.size > 0 || !node.addresses.isEmpty) continue;
        this.#nodes.delete(node.id);
        break;
      }
    }
    return this.learn(id, now);
  }

  /** How many addresses a router may have, so that all behind its neighbour have not too many. */
  addressesMaxOf({ path, addresses }: Node): number {
    let room = ADDRESSES_PER_NEIGHBOUR_MAX + addresses.count;
    for (const other of this.#nodes.values()) {
      if (other.path?.nextHop === path?.nextHop) room -= other.addresses.count;
    }
    return Math.min(ADDRESSES_PER_ROUTER_MAX, room);
  }

  delete(id: string): void {
    this.#nodes.delete(id);
  }

  isNamed(id: string): boolean {
    for (const node of this.#nodes.values()) if (node.id !== id && node.peers.has(id)) return true;
    return false;
  }

  #freeIndex(): number {
    const taken = new Set<number>();
    for (const node of this.#nodes.values()) taken.add(node.index);
    let index = 1;
    while (taken.has(index)) index++;
    return index;
  }
}
