/**
 * Shortest paths over the link states of all routers.
 *
 * Pure arithmetic: no messages, no clock. Every router of a network must come to the same trees or multicast messages are
 * lost or doubled, so ties are broken as skupper-router does (`py/path.py`, wire reference 7.1): the router to settle next
 * is the least by (cost, id), and of equally good predecessors the one settled first stays.
 */

/** Router id -> its peers' ids and the cost of reaching each, as that router sees it. */
export type LinkStates = ReadonlyMap<string, ReadonlyMap<string, number>>;

export interface Path {
  /** The neighbour that leads there: the router itself when it is one. */
  readonly nextHop: string;
  readonly cost: number;
  readonly hops: number;
  /** Routers whose messages to that destination pass here by the tree of each; this router always. */
  readonly validOrigins: ReadonlySet<string>;
  /** Neighbours by which messages that began there come here, when every router sends them by a shortest path. */
  readonly arrivesBy: ReadonlySet<string>;
}

export interface Paths {
  /** Every reachable router but this one. */
  readonly byRouter: ReadonlyMap<string, Path>;
  /** Hops to the farthest reachable router. */
  readonly radius: number;
}

export function computePaths(self: string, linkStates: LinkStates): Paths {
  const graph = buildGraph(self, linkStates);
  const own = graph.indexes.get(self) as number;
  const tree = shortestPathTree(graph, own);
  const { nextHops, hops } = walkTree(tree, own);
  const { origins, arrivals } = computeOrigins(graph, tree, own);
  const byRouter = new Map<string, Path>();
  let radius = 0;
  for (const router of tree.settled) {
    if (router === own) continue;
    radius = Math.max(radius, hops[router] as number);
    byRouter.set(graph.ids[router] as string, {
      nextHop: graph.ids[nextHops[router] as number] as string,
      cost: tree.costs[router] as number,
      hops: hops[router] as number,
      validOrigins: origins[router] as Set<string>,
      arrivesBy: arrivals[router] as Set<string>,
    });
  }
  return { byRouter, radius };
}

/**
 * Neighbours by which a router is reached too, whatever the best way's fate: none of them would send back here, as long as link states
 * are as told (loop-free alternates, RFC 5286). Cheapest first.
 * @param neighbours their costs
 */
export function computeDetours(
  self: string,
  linkStates: LinkStates,
  neighbours: ReadonlyMap<string, number>,
  destination: string,
): { neighbour: string; cost: number }[] {
  const graph = buildGraph(self, linkStates);
  const [own, to] = [graph.indexes.get(self) as number, graph.indexes.get(destination)];
  if (to === undefined) return [];
  const best = shortestPathTree(graph, own).costs[to] as number;
  const detours: { neighbour: string; cost: number }[] = [];
  for (const [neighbour, cost] of neighbours) {
    const from = graph.indexes.get(neighbour);
    if (from === undefined) continue;
    const { costs } = shortestPathTree(graph, from);
    if ((costs[to] as number) < (costs[own] as number) + best) {
      detours.push({ neighbour, cost: cost + (costs[to] as number) });
    }
  }
  return detours.sort((one, other) => one.cost - other.cost);
}

/** Routers by index; an index orders as its id does. */
interface Graph {
  readonly ids: readonly string[];
  readonly indexes: ReadonlyMap<string, number>;
  readonly edges: readonly { readonly to: number; readonly cost: number }[][];
}

/** A peer that is named but has no link state is taken to lead back to who names it first, so that it can be asked for one. */
function buildGraph(self: string, linkStates: LinkStates): Graph {
  const complete = new Map<string, ReadonlyMap<string, number>>(linkStates);
  if (!complete.has(self)) complete.set(self, new Map());
  for (const [id, peers] of linkStates) {
    for (const peer of peers.keys()) if (!complete.has(peer)) complete.set(peer, new Map([[id, 1]]));
  }
  const ids = [...complete.keys()].sort();
  const indexes = new Map(ids.map((id, index) => [id, index]));
  const edges = ids.map((id) =>
    [...(complete.get(id) as ReadonlyMap<string, number>)].map(([peer, cost]) => ({
      to: indexes.get(peer) as number,
      cost,
    })),
  );
  return { ids, indexes, edges };
}

interface Tree {
  /** Reached routers in the order in which their cost became final; the root first. */
  readonly settled: number[];
  readonly costs: Float64Array;
  /** The router before each on the way from the root; -1 for the root and the unreached. */
  readonly previous: Int32Array;
}

/** Dijkstra's algorithm with a linear search for the next router: networks have at most `ROUTERS_MAX`. */
function shortestPathTree(graph: Graph, root: number): Tree {
  const count = graph.ids.length;
  const costs = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const previous = new Int32Array(count).fill(-1);
  const open = new Uint8Array(count).fill(1);
  const settled: number[] = [];
  costs[root] = 0;
  for (let router = root; router >= 0; router = nearest(costs, open)) {
    open[router] = 0;
    settled.push(router);
    for (const { to, cost } of graph.edges[router] as Graph['edges'][number]) {
      const total = (costs[router] as number) + cost;
      if (open[to] === 1 && total < (costs[to] as number)) {
        costs[to] = total;
        previous[to] = router;
      }
    }
  }
  return { settled, costs, previous };
}

/** The open router of least cost, of those the first by id; -1 when none can be reached. */
function nearest(costs: Float64Array, open: Uint8Array): number {
  let best = -1;
  let bestCost = Number.POSITIVE_INFINITY;
  for (let router = 0; router < costs.length; router++) {
    if (open[router] === 1 && (costs[router] as number) < bestCost) {
      best = router;
      bestCost = costs[router] as number;
    }
  }
  return best;
}

function walkTree(tree: Tree, root: number): { nextHops: Int32Array; hops: Int32Array } {
  const nextHops = new Int32Array(tree.costs.length);
  const hops = new Int32Array(tree.costs.length);
  for (const router of tree.settled) {
    if (router === root) continue;
    const before = tree.previous[router] as number;
    nextHops[router] = before === root ? router : (nextHops[before] as number);
    hops[router] = (hops[before] as number) + 1;
  }
  return { nextHops, hops };
}

/**
 * `origins`: for each destination the origins on whose tree it lies behind `own`, and `own`. `arrivals`: for each origin
 * the neighbours that are last before `own` on any shortest way, since ties of single messages may be broken otherwise.
 */
function computeOrigins(graph: Graph, ownTree: Tree, own: number): { origins: Set<string>[]; arrivals: Set<string>[] } {
  const self = graph.ids[own] as string;
  const origins = graph.ids.map(() => new Set([self]));
  const arrivals = graph.ids.map(() => new Set<string>());
  const behind = new Uint8Array(graph.ids.length);
  const before = edgesTo(graph, own);
  for (const origin of ownTree.settled) {
    if (origin === own) continue;
    const tree = shortestPathTree(graph, origin);
    behind.fill(0);
    for (const router of tree.settled) {
      const previous = tree.previous[router] as number;
      if (previous < 0 || (previous !== own && behind[previous] === 0)) continue;
      behind[router] = 1;
      (origins[router] as Set<string>).add(graph.ids[origin] as string);
    }
    for (const { from, cost } of before) {
      if ((tree.costs[from] as number) + cost !== tree.costs[own] || !Number.isFinite(tree.costs[own])) continue;
      (arrivals[origin] as Set<string>).add(graph.ids[from] as string);
    }
  }
  return { origins, arrivals };
}

function edgesTo(graph: Graph, router: number): { from: number; cost: number }[] {
  return graph.edges.flatMap((edges, from) =>
    edges.filter(({ to }) => to === router).map(({ cost }) => ({ from, cost })),
  );
}
