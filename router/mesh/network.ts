/**
 * What this router knows of the network: its site links and neighbours, its own link state, all other routers, the paths.
 *
 * State and its transitions, no messages; `Mesh` speaks and listens. Changes only mark what is stale; `refresh` works out
 * what follows, once for any number of them. Changes of addresses and topology are told to the outbox.
 */
import type { RouterNode } from './events.ts';
import type { AddressChange } from './mobile.ts';
import type { Node } from './node.ts';
import { NodeTable } from './node-table.ts';
import type { MeshOptions } from './options.ts';
import type { Outbox } from './outbox.ts';
import { computeDetours, computePaths, type Path, type Paths } from './paths.ts';
import { type SiteLink, SiteLinks } from './site-links.ts';

export class Network {
  readonly nodes: NodeTable;
  readonly links: SiteLinks;
  lsSeq: number;
  lastTopoChange = -Infinity;
  readonly #routerId: string;
  readonly #options: MeshOptions;
  readonly #outbox: Outbox;
  /** This router's link state at `lsSeq`, or ahead of it while stale. */
  readonly #peers = new Map<string, number>();
  #paths: Paths = { byRouter: new Map(), radius: 0 };
  /** By router, worked out when asked for. */
  readonly #detours = new Map<string, { link: SiteLink; cost: number }[]>();
  #isLinkStateStale = false;
  #arePathsStale = false;

  constructor(routerId: string, firstSequence: number, options: MeshOptions, outbox: Outbox) {
    this.#routerId = routerId;
    this.lsSeq = firstSequence;
    this.#options = options;
    this.#outbox = outbox;
    this.links = new SiteLinks(options.helloMaxAgeMs);
    this.nodes = new NodeTable(options);
  }

  get peers(): ReadonlyMap<string, number> {
    return this.#peers;
  }

  get paths(): ReadonlyMap<string, Path> {
    return this.#paths.byRouter;
  }

  /** Hops to the farthest router. */
  get radius(): number {
    return this.#paths.radius;
  }

  /** The site link in use on the way to a router. */
  linkTo(routerId: string): SiteLink | undefined {
    const path = this.#paths.byRouter.get(routerId);
    return path && this.links.neighbours.get(path.nextHop);
  }

  /** The same for a message at hand, which must not be lost because the paths are about to be computed. */
  freshLinkTo(routerId: string, now: number): SiteLink | undefined {
    if (this.#arePathsStale && this.linkTo(routerId) === undefined) this.#computePaths(now);
    return this.linkTo(routerId);
  }

  /** Site links by which a router is reached too, the one in use among them. */
  detours(routerId: string): readonly { link: SiteLink; cost: number }[] {
    let detours = this.#detours.get(routerId);
    if (detours === undefined) {
      const found = computeDetours(this.#routerId, this.#linkStates(), this.#peers, routerId);
      detours = found.flatMap(({ neighbour, cost }) => {
        const link = this.links.neighbours.get(neighbour);
        return link === undefined ? [] : [{ link, cost }];
      });
      this.#detours.set(routerId, detours);
    }
    return detours;
  }

  neighboursChanged(now: number): void {
    const neighbours = this.links.neighbours;
    this.#arePathsStale = true;
    this.#outbox.tellTopology();
    for (const id of this.#peers.keys()) {
      if (!neighbours.has(id)) this.#isLinkStateStale = this.#peers.delete(id);
    }
    for (const [id, { cost }] of neighbours) {
      if (this.#peers.get(id) === cost || this.nodes.learnNeighbour(id, now) === undefined) continue;
      this.#peers.set(id, cost);
      this.#isLinkStateStale = true;
    }
  }

  /** A neighbour that there was no place for: there may be one now. */
  admit(id: string, now: number): void {
    if (this.links.neighbours.has(id) && !this.#peers.has(id)) this.neighboursChanged(now);
  }

  /** A router speaks; all that is known of its former life goes when it has restarted. */
  meet(node: Node, version: number, instance: number | undefined, now: number): void {
    node.version = version;
    if (!node.isRestart(instance)) return;
    this.addressesChanged(node, node.forgetLife(now));
    this.#arePathsStale = true;
  }

  linkStateChanged(node: Node, now: number): void {
    this.#arePathsStale = true;
    for (const peer of node.peers.keys()) if (peer !== this.#routerId) this.nodes.learn(peer, now);
  }

  addressesChanged(node: Node, changes: readonly AddressChange[]): void {
    this.#outbox.tellAddresses(node.id, changes);
  }

  expire(now: number): void {
    if (this.links.expire(now)) this.neighboursChanged(now);
    for (const node of this.nodes.values()) this.#expireNode(node, now);
  }

  /** When `expire` or a question to a router is due. */
  deadline(): number {
    let deadline = this.links.deadline();
    for (const node of this.nodes.values()) {
      if (node.path !== undefined) {
        deadline = Math.min(deadline, node.linkStateRequest.dueAt, node.addressRequest.dueAt);
      } else if (!node.addresses.isEmpty) {
        deadline = Math.min(deadline, node.unreachableSince + this.#options.unreachableHoldoffMs);
      }
    }
    return deadline;
  }

  /** Works out what follows from the changes; true when this router's own link state is a new one. */
  refresh(now: number): boolean {
    const isNew = this.#isLinkStateStale;
    if (isNew) {
      this.#isLinkStateStale = false;
      this.lsSeq++;
    }
    if (this.#arePathsStale) this.#computePaths(now);
    return isNew;
  }

  describe(): RouterNode[] {
    return Array.from(this.nodes.values(), (node) => ({
      id: node.id,
      index: node.index,
      instance: node.instance,
      protocolVersion: node.version,
      linkState: [...node.peers.keys()],
      nextHop: node.path?.nextHop === node.id ? undefined : node.path?.nextHop,
      siteLink: this.links.neighbours.get(node.id)?.number,
      cost: node.path?.cost,
      validOrigins: [...(node.path?.validOrigins ?? [])].filter((origin) => origin !== this.#routerId),
      lastTopoChange: undefined,
    }));
  }

  #expireNode(node: Node, now: number): void {
    const { remoteLsMaxAgeMs, unreachableHoldoffMs, keepAliveMs } = this.#options;
    if (node.peers.size > 0 && now >= node.seenAt + remoteLsMaxAgeMs) {
      node.forgetLinkState();
      this.#arePathsStale = true;
    }
    if (node.path === undefined && now >= node.unreachableSince + unreachableHoldoffMs) {
      this.addressesChanged(node, node.addresses.flush());
    }
    if (node.peers.size > 0 || this.#peers.has(node.id) || this.nodes.isNamed(node.id)) {
      node.orphanSince = undefined;
      return;
    }
    node.orphanSince ??= now;
    if (now < node.orphanSince + keepAliveMs) return;
    this.addressesChanged(node, node.addresses.flush());
    this.nodes.delete(node.id);
  }

  #linkStates(): Map<string, ReadonlyMap<string, number>> {
    const linkStates = new Map<string, ReadonlyMap<string, number>>([[this.#routerId, this.#peers]]);
    for (const node of this.nodes.values()) linkStates.set(node.id, node.peers);
    return linkStates;
  }

  #computePaths(now: number): void {
    this.#arePathsStale = false;
    this.lastTopoChange = now;
    this.#detours.clear();
    this.#paths = computePaths(this.#routerId, this.#linkStates());
    for (const node of this.nodes.values()) {
      const path = this.#paths.byRouter.get(node.id);
      if (!isSamePath(node.path, path)) this.#outbox.tellTopology();
      if (path === undefined) node.lost(now);
      else node.reached(path, now);
    }
  }
}

function isSamePath(one: Path | undefined, other: Path | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.nextHop !== other.nextHop || one.cost !== other.cost) return false;
  if (one.validOrigins.size !== other.validOrigins.size) return false;
  for (const origin of one.validOrigins) if (!other.validOrigins.has(origin)) return false;
  return true;
}
