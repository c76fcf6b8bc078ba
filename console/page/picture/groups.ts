/** Sites gathered into groups, so that a network of hundreds can be read. Pure. */
import type { LinkView, SiteView } from '../../model/view.ts';

export const GROUPINGS = ['auto', 'off', 'name', 'hub', 'platform'] as const;
export type Grouping = (typeof GROUPINGS)[number];

export interface Group {
  readonly id: string;
  readonly name: string;
  /** Ids, in order of name. */
  readonly sites: readonly string[];
}

/** So many are readable one by one. */
const UNGROUPED_MAX = 40;
const GROUP_COUNT_MAX = 40;
/** A grouping is worth something if no group has more of all than that. */
const LARGEST_SHARE = 0.7;

/** None when each site is to be seen by itself. */
export function groupSites(sites: readonly SiteView[], links: readonly LinkView[], grouping: Grouping): Group[] {
  if (grouping === 'off') return [];
  if (grouping === 'auto') {
    if (sites.length <= UNGROUPED_MAX) return [];
    const choices = [byName(sites), byHub(sites, links), byPlatform(sites)];
    return choices.find((groups) => isUseful(groups, sites.length)) ?? [];
  }
  const groups = { name: byName, hub: byHub, platform: byPlatform }[grouping](sites, links);
  return groups.length > 1 ? groups : [];
}

function isUseful(groups: readonly Group[], siteCount: number): boolean {
  const largest = Math.max(0, ...groups.map(({ sites }) => sites.length));
  return groups.length > 1 && groups.length <= GROUP_COUNT_MAX && largest <= siteCount * LARGEST_SHARE;
}

/** `eu-west-12` is one of `eu-west`, `store7` one of `store`. */
function byName(sites: readonly SiteView[]): Group[] {
  return gathered(sites, ({ name }) => name.replace(/[-._ ]?\d+$/, '').replace(/[-._ ]+$/, '') || name);
}

function byPlatform(sites: readonly SiteView[]): Group[] {
  return gathered(sites, ({ platform }) => platform || 'not known');
}

/** Each site is with the neighbour that has most neighbours, if that has more than itself. */
function byHub(sites: readonly SiteView[], links: readonly LinkView[]): Group[] {
  const neighbours = new Map(sites.map(({ id }) => [id, new Set<string>()]));
  for (const { fromSite, toSite } of links) {
    if (fromSite === toSite || !neighbours.has(fromSite) || !neighbours.has(toSite)) continue;
    neighbours.get(fromSite)?.add(toSite);
    neighbours.get(toSite)?.add(fromSite);
  }
  const names = new Map(sites.map(({ id, name }) => [id, name]));
  const degree = (id: string) => neighbours.get(id)?.size ?? 0;
  const isMore = (a: string, b: string) => degree(a) - degree(b) || (a < b ? 1 : -1);
  const hubOf = (id: string) =>
    [...(neighbours.get(id) ?? [])].reduce((best, next) => (isMore(next, best) > 0 ? next : best), id);
  return gathered(sites, ({ id }) => {
    const hub = hubOf(id);
    return names.get(degree(hub) > 2 ? hub : id) ?? id;
  });
}

function gathered(sites: readonly SiteView[], groupOf: (site: SiteView) => string): Group[] {
  const groups = new Map<string, SiteView[]>();
  for (const site of sites) {
    const name = groupOf(site);
    groups.set(name, [...(groups.get(name) ?? []), site]);
  }
  return [...groups]
    .sort(([a], [b]) => compare(a, b))
    .map(([name, members]) => ({
      id: name,
      name,
      sites: members.sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id)).map(({ id }) => id),
    }));
}

const compare = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true });
