/** Which links the connections between two sites take: the way of least cost over the links that are up. Pure. */
import type { LinkView } from '../../model/view.ts';

export interface Hop {
  readonly link: LinkView;
  readonly from: string;
  readonly to: string;
}

/** By site, from one site to all others. */
export function pathsFrom(start: string, links: Iterable<LinkView>): Map<string, readonly Hop[]> {
  const hops = new Map<string, Hop[]>();
  for (const link of links) {
    if (link.status !== 'up' || link.toSite === '' || link.fromSite === link.toSite) continue;
    add(hops, { link, from: link.fromSite, to: link.toSite });
    add(hops, { link, from: link.toSite, to: link.fromSite });
  }
  const best = new Map<string, { cost: number; path: readonly Hop[] }>([[start, { cost: 0, path: [] }]]);
  const open = new Set([start]);
  while (open.size > 0) {
    const at = [...open].reduce((least, id) => (best.get(id)!.cost < best.get(least)!.cost ? id : least));
    open.delete(at);
    const { cost, path } = best.get(at)!;
    for (const hop of hops.get(at) ?? []) {
      const next = cost + Math.max(1, hop.link.cost);
      if (next >= (best.get(hop.to)?.cost ?? Number.POSITIVE_INFINITY)) continue;
      best.set(hop.to, { cost: next, path: [...path, hop] });
      open.add(hop.to);
    }
  }
  return new Map([...best].map(([site, { path }]) => [site, path]));
}

function add(hops: Map<string, Hop[]>, hop: Hop): void {
  const list = hops.get(hop.from);
  if (list === undefined) hops.set(hop.from, [hop]);
  else list.push(hop);
}
