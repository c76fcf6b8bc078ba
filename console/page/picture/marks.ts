/** What of the picture is looked at: what is selected, what a search finds, what the connections of one service touch. Pure. */
import type { LinkView, TrafficView } from '../../model/view.ts';
import { edgeId, type GraphNode } from './graph.ts';
import { pathsFrom } from './paths.ts';

export interface Marks {
  /** Something is looked at, so all else steps back. */
  readonly isActive: boolean;
  /** Ids of sites. */
  readonly sites: ReadonlySet<string>;
  readonly edges: ReadonlySet<string>;
  /** The one thing that is selected: a site, a line or a group. */
  readonly selected: string | undefined;
  /** Of one service: what crosses each line, along it and back. */
  readonly flows?: ReadonlyMap<string, { there: number; back: number }>;
}

export const NO_MARKS: Marks = { isActive: false, sites: new Set(), edges: new Set(), selected: undefined };

export type Mark = 'selected' | 'hit' | 'faint' | 'none';

export function markOf(marks: Marks, node: GraphNode): Mark {
  if (marks.selected === node.id) return 'selected';
  if (!marks.isActive) return 'none';
  const sites = node.kind === 'group' ? node.group.sites : [node.id];
  return sites.some((id) => marks.sites.has(id)) ? 'hit' : 'faint';
}

/** What the connections of a service touch: its sites, and the links that they take between them. */
export function serviceMarks(
  traffic: readonly TrafficView[],
  ends: readonly string[],
  links: readonly LinkView[],
  nodeOf: (site: string) => string,
): Marks {
  const sites = new Set(ends);
  const flows = new Map<string, { there: number; back: number }>();
  const paths = new Map(traffic.map(({ fromSite }) => [fromSite, pathsFrom(fromSite, links)]));
  for (const { fromSite, toSite, octetsPerSecond, octetsBackPerSecond } of traffic) {
    sites.add(fromSite);
    sites.add(toSite);
    for (const hop of paths.get(fromSite)?.get(toSite) ?? []) {
      sites.add(hop.from);
      sites.add(hop.to);
      const [from, to] = [nodeOf(hop.from), nodeOf(hop.to)];
      if (from === to) continue;
      const flow = flows.get(edgeId(from, to)) ?? { there: 0, back: 0 };
      flow.there += from < to ? octetsPerSecond : octetsBackPerSecond;
      flow.back += from < to ? octetsBackPerSecond : octetsPerSecond;
      flows.set(edgeId(from, to), flow);
    }
  }
  return { isActive: true, sites, edges: new Set(flows.keys()), selected: undefined, flows };
}
