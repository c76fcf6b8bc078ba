/** The ways from listeners' sites to connectors' sites: those of least cost over links that are up, as routers choose them. Pure. */
import type { PathView } from '../model/api.ts';
import type { EndpointView, LinkView, NetworkView } from '../model/view.ts';

/** A service with listeners at hundreds of sites has more ways than anybody reads. */
const PATH_COUNT_MAX = 500;

interface Hop {
  readonly router: string;
  readonly link: LinkView;
}

interface Way {
  readonly cost: number;
  readonly routers: readonly string[];
  readonly links: readonly string[];
}

/** One for each pair of a site with a listener and a site with a connector. */
export function pathsOf(
  { links, routers }: Pick<NetworkView, 'links' | 'routers'>,
  listeners: readonly EndpointView[],
  connectors: readonly EndpointView[],
): PathView[] {
  const hops = hopsOf(links);
  const edges = new Set(routers.filter(({ mode }) => mode === 'edge').map(({ id }) => id));
  const targets = [...new Set(connectors.map(({ site }) => site))];
  const paths: PathView[] = [];
  for (const fromSite of new Set(listeners.map(({ site }) => site))) {
    const starts = routersAt(listeners, fromSite);
    const ways = waysFrom(starts, hops, edges);
    for (const toSite of targets) {
      const ends = routersAt(connectors, toSite);
      const way = least(ends.flatMap((router) => ways.get(router) ?? []));
      if (way !== undefined && paths.length < PATH_COUNT_MAX) paths.push({ fromSite, toSite, ...way });
    }
  }
  return paths;
}

function routersAt(endpoints: readonly EndpointView[], at: string): string[] {
  return [
    ...new Set(
      endpoints.filter(({ site, goneSince }) => site === at && goneSince === undefined).map(({ router }) => router),
    ),
  ];
}

/** From each router over its links, in both directions. */
function hopsOf(links: readonly LinkView[]): Map<string, Hop[]> {
  const hops = new Map<string, Hop[]>();
  const add = (from: string, hop: Hop) => hops.set(from, [...(hops.get(from) ?? []), hop]);
  for (const link of links) {
    if (link.status !== 'up' || link.fromRouter === '' || link.toRouter === '') continue;
    add(link.fromRouter, { router: link.toRouter, link });
    add(link.toRouter, { router: link.fromRouter, link });
  }
  return hops;
}

/** Dijkstra's; nothing goes through an edge router. */
function waysFrom(
  starts: readonly string[],
  hops: ReadonlyMap<string, readonly Hop[]>,
  edges: ReadonlySet<string>,
): Map<string, Way> {
  const done = new Map<string, Way>();
  const open = new Map<string, Way>(starts.map((router) => [router, { cost: 0, routers: [router], links: [] }]));
  for (;;) {
    const next = least([...open.values()]);
    if (next === undefined) return done;
    const router = next.routers.at(-1)!;
    open.delete(router);
    done.set(router, next);
    if (edges.has(router) && next.links.length > 0) continue;
    for (const { router: neighbour, link } of hops.get(router) ?? []) {
      const cost = next.cost + link.cost;
      if (done.has(neighbour) || cost >= (open.get(neighbour)?.cost ?? Infinity)) continue;
      open.set(neighbour, { cost, routers: [...next.routers, neighbour], links: [...next.links, link.id] });
    }
  }
}

function least(ways: readonly Way[]): Way | undefined {
  let found: Way | undefined;
  for (const way of ways) if (found === undefined || way.cost < found.cost) found = way;
  return found;
}
