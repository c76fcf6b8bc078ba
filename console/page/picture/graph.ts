/** What the picture shows of a network: sites or groups of them, and one line for all links between two of these. Pure. */
import type { EndpointView, LinkView, RouterView, SiteView } from '../../model/view.ts';
import type { Group } from './groups.ts';

export type Health = 'up' | 'partly' | 'down' | 'alone';

export interface SiteNode {
  readonly kind: 'site';
  readonly id: string;
  readonly site: SiteView;
  readonly routers: readonly RouterView[];
  readonly services: readonly SiteService[];
  readonly health: Health;
}

/** What a site offers (`connector`) or uses (`listener`). */
export interface SiteService {
  readonly address: string;
  readonly offers: boolean;
  readonly uses: boolean;
  /** What is wrong with it anywhere in the network, if something is. */
  readonly trouble: string | undefined;
}

export interface GroupNode {
  readonly kind: 'group';
  /** Never that of a site. */
  readonly id: string;
  readonly group: Group;
  readonly members: readonly { readonly site: SiteView; readonly health: Health }[];
  readonly health: Health;
}

export type GraphNode = SiteNode | GroupNode;

export interface Edge {
  /** The two nodes, the lesser first. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly links: readonly LinkView[];
  readonly health: Health;
  /** Along `from` to `to`, and back. */
  readonly rate: number;
  readonly rateBack: number;
  /** Whether some link is dialled from `from`, and from `to`. */
  readonly isDialled: boolean;
  readonly isDialledBack: boolean;
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly Edge[];
  /** Of each site, the node that shows it. */
  readonly nodeOf: ReadonlyMap<string, string>;
  /** Links inside one group, as pairs of sites. */
  readonly inside: readonly {
    readonly group: string;
    readonly from: string;
    readonly to: string;
    readonly isUp: boolean;
  }[];
}

export interface GraphInput {
  readonly sites: Iterable<SiteView>;
  readonly routers: Iterable<RouterView>;
  readonly links: Iterable<LinkView>;
  readonly endpoints: Iterable<EndpointView>;
  /** What is wrong with services, by address. */
  readonly troubles?: ReadonlyMap<string, { readonly says: string }>;
}

/** The members of `open` are seen one by one, those of other groups as their group. */
export function buildGraph(input: GraphInput, groups: readonly Group[], open: string | undefined): Graph {
  const sites = [...input.sites].sort((a, b) => (a.id < b.id ? -1 : 1));
  const links = [...input.links].filter(({ fromSite, toSite }) => fromSite !== toSite);
  const health = healthOf(sites, links);
  const siteById = new Map(sites.map((site) => [site.id, site]));
  const nodeOf = new Map(sites.map(({ id }) => [id, id]));
  const closed = groups.filter(({ id }) => id !== open);
  for (const group of closed) for (const id of group.sites) nodeOf.set(id, groupNodeId(group));
  const routers = gather(input.routers, ({ site }) => site);
  const endpoints = gather(input.endpoints, ({ site }) => site);
  const groupNodes = closed.map((group): GroupNode => {
    const members = group.sites.map((id) => ({ site: siteById.get(id)!, health: health.get(id)! }));
    return {
      kind: 'group',
      id: groupNodeId(group),
      group,
      members,
      health: together(members.map((member) => member.health)),
    };
  });
  const siteNodes = sites
    .filter(({ id }) => nodeOf.get(id) === id)
    .map(
      (site): SiteNode => ({
        kind: 'site',
        id: site.id,
        site,
        routers: (routers.get(site.id) ?? []).sort((a, b) => (a.name < b.name ? -1 : 1)),
        services: servicesOf(endpoints.get(site.id) ?? [], input.troubles),
        health: health.get(site.id)!,
      }),
    );
  return {
    nodes: [...groupNodes, ...siteNodes],
    edges: edgesOf(links, nodeOf),
    nodeOf,
    inside: insideOf(links, nodeOf),
  };
}

const groupNodeId = ({ id }: Group) => `group:${id}`;

export const edgeId = (a: string, b: string) => (a < b ? `${a}~${b}` : `${b}~${a}`);

function edgesOf(links: readonly LinkView[], nodeOf: ReadonlyMap<string, string>): Edge[] {
  const between = new Map<string, LinkView[]>();
  for (const link of links) {
    const [from, to] = [nodeOf.get(link.fromSite), nodeOf.get(link.toSite)];
    if (from === undefined || to === undefined || from === to) continue;
    const id = edgeId(from, to);
    between.set(id, [...(between.get(id) ?? []), link]);
  }
  return [...between]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, all]) => {
      const [a, b] = [nodeOf.get(all[0]!.fromSite)!, nodeOf.get(all[0]!.toSite)!];
      const [from, to] = a < b ? [a, b] : [b, a];
      const along = all.filter(({ fromSite }) => nodeOf.get(fromSite) === from);
      const back = all.filter(({ fromSite }) => nodeOf.get(fromSite) !== from);
      const sum = (list: readonly LinkView[], of: (link: LinkView) => number) =>
        list.reduce((all, link) => all + of(link), 0);
      const there = (link: LinkView) => link.octetsPerSecond;
      const again = (link: LinkView) => link.octetsBackPerSecond;
      return {
        id,
        from,
        to,
        links: all.sort((x, y) => (x.id < y.id ? -1 : 1)),
        health: together(all.map(({ status }) => status)),
        rate: sum(along, there) + sum(back, again),
        rateBack: sum(along, again) + sum(back, there),
        isDialled: along.length > 0,
        isDialledBack: back.length > 0,
      };
    });
}

function insideOf(links: readonly LinkView[], nodeOf: ReadonlyMap<string, string>): Graph['inside'] {
  const pairs = new Map<string, Graph['inside'][number]>();
  for (const { fromSite, toSite, status } of links) {
    const group = nodeOf.get(fromSite);
    if (group === undefined || group !== nodeOf.get(toSite)) continue;
    const id = edgeId(fromSite, toSite);
    const isUp = status === 'up' && (pairs.get(id)?.isUp ?? true);
    pairs.set(id, { group, from: fromSite, to: toSite, isUp });
  }
  return [...pairs.values()];
}

function servicesOf(endpoints: readonly EndpointView[], troubles: GraphInput['troubles']): SiteService[] {
  const services = new Map<string, { offers: boolean; uses: boolean }>();
  for (const { address, kind } of endpoints) {
    const service = services.get(address) ?? { offers: false, uses: false };
    if (kind === 'connector') service.offers = true;
    else service.uses = true;
    services.set(address, service);
  }
  return (
    [...services]
      .map(([address, service]) => ({ address, ...service, trouble: troubles?.get(address)?.says }))
      // What a card has no room for is what is well.
      .sort(
        (a, b) =>
          Number(!a.trouble) - Number(!b.trouble) ||
          Number(b.offers) - Number(a.offers) ||
          (a.address < b.address ? -1 : 1),
      )
  );
}

/** A site that has no link is alone; one whose links are all down is down itself, as far as can be seen. */
function healthOf(sites: readonly SiteView[], links: readonly LinkView[]): Map<string, Health> {
  const ends = gather(
    links.flatMap(({ fromSite, toSite, status }) => [
      { site: fromSite, status },
      { site: toSite, status },
    ]),
    ({ site }) => site,
  );
  return new Map(sites.map(({ id }) => [id, together((ends.get(id) ?? []).map(({ status }) => status))]));
}

function together(all: readonly Health[]): Health {
  if (all.length === 0) return 'alone';
  if (all.every((one) => one === 'down')) return 'down';
  return all.some((one) => one === 'down' || one === 'partly') ? 'partly' : 'up';
}

function gather<T>(items: Iterable<T>, key: (item: T) => string): Map<string, T[]> {
  const lists = new Map<string, T[]>();
  for (const item of items) {
    const list = lists.get(key(item));
    if (list === undefined) lists.set(key(item), [item]);
    else list.push(item);
  }
  return lists;
}
