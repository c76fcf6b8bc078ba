/** The network as nodes and arrows: sites with what they offer and use, and their links. Pure. */
import type { LinkView, NetworkView } from '../../../console/model/view.ts';

export interface GraphSite {
  /** `s0`, `s1`, ...: a word in every notation. */
  readonly key: string;
  readonly name: string;
  readonly self: boolean;
  /** What it is, and its services: one line each. */
  readonly lines: readonly string[];
}

export interface GraphLink {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  readonly isUp: boolean;
}

export interface Graph {
  readonly sites: readonly GraphSite[];
  readonly links: readonly GraphLink[];
}

/** Of a site with many services the first are named. */
const SERVICE_COUNT_MAX = 8;

export function graphOf(view: NetworkView): Graph {
  const sorted = [...view.sites].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1));
  const keys = new Map(sorted.map(({ id }, index) => [id, `s${index}`]));
  const sites = sorted.map(({ id, name, namespace, platform, self }): GraphSite => {
    const of = (kind: 'listener' | 'connector') => [
      ...new Set(
        view.endpoints
          .filter((one) => one.site === id && one.kind === kind && one.goneSince === undefined)
          .map(({ address }) => address),
      ),
    ];
    const place = [namespace, platform].filter((part) => part !== '').join(', ');
    const lines = [place, ...services('offers', of('connector')), ...services('uses', of('listener'))];
    return { key: keys.get(id)!, name, self, lines: lines.filter((line) => line !== '') };
  });
  const links = view.links.flatMap((link): GraphLink[] => {
    const [from, to] = [keys.get(link.fromSite), keys.get(link.toSite)];
    // One that was never up leads nowhere yet.
    if (from === undefined || to === undefined || from === to) return [];
    return [{ from, to, label: labelOf(link), isUp: link.status === 'up' }];
  });
  return { sites, links: merged(links) };
}

function services(word: string, addresses: readonly string[]): string[] {
  const named = [...addresses].sort().slice(0, SERVICE_COUNT_MAX);
  const more = addresses.length - named.length;
  return [...named.map((address) => `${word} ${address}`), ...(more > 0 ? [`${word} ${more} more`] : [])];
}

function labelOf({ cost, status, roundTripMs }: LinkView): string {
  if (status === 'down') return 'down';
  return [`cost ${cost}`, ...(roundTripMs === undefined ? [] : [`${roundTripMs} ms`])].join(', ');
}

/** Several links the same way, as those of several routers of a site, are one arrow. */
function merged(links: readonly GraphLink[]): GraphLink[] {
  const ways = new Map<string, { link: GraphLink; count: number }>();
  for (const link of links) {
    const key = `${link.from} ${link.to} ${link.isUp}`;
    const known = ways.get(key);
    if (known === undefined) ways.set(key, { link, count: 1 });
    else known.count++;
  }
  return [...ways.values()].map(({ link, count }) => ({
    ...link,
    label: count > 1 ? `${count} x ${link.label}` : link.label,
  }));
}
