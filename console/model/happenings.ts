/** What has happened between two pictures of the network, as events of the time line. */
import type { Happening } from './time-line.ts';
import type { LinkView, NetworkView, RouterView } from './view.ts';

/** @param at wall-clock milliseconds */
export function happenings(before: NetworkView, after: NetworkView, at: number): Happening[] {
  const names = new Map([...before.sites, ...after.sites].map(({ id, name }) => [id, name]));
  const nameOf = (site: string) => names.get(site) ?? site;
  return [
    ...siteHappenings(before, after, at),
    ...routerHappenings(before.routers, after.routers, nameOf),
    ...linkHappenings(before.links, after.links, at, nameOf),
    ...serviceHappenings(before, after, at),
  ];
}

/** What has happened before anybody looked, as far as it can be told from how things are. */
export function history(view: NetworkView): Happening[] {
  const told = view.links.flatMap((link) => {
    const nameOf = (site: string) => view.sites.find(({ id }) => id === site)?.name ?? site;
    return linkHappening(link, link.statusSince, nameOf);
  });
  return told.filter(({ at }) => at > 0).sort((a, b) => a.at - b.at);
}

function siteHappenings(before: NetworkView, after: NetworkView, at: number): Happening[] {
  const [known, now] = [idsOf(before.sites), idsOf(after.sites)];
  const told = (type: string, severity: Happening['severity'], says: string, id: string, name: string): Happening => ({
    at,
    severity,
    type,
    site: id,
    object: `site/${name}`,
    message: `Site ${name} ${says}`,
  });
  return [
    ...after.sites
      .filter(({ id }) => !known.has(id))
      .map(({ id, name }) => told('site-joined', 'info', 'has joined the network', id, name)),
    ...before.sites
      .filter(({ id }) => !now.has(id))
      .map(({ id, name }) => told('site-left', 'warning', 'is not heard of any more', id, name)),
  ];
}

/** A router that cannot be reached any more, whether it runs or not; one that is found again is told by its links. */
function routerHappenings(
  before: readonly RouterView[],
  after: readonly RouterView[],
  nameOf: (site: string) => string,
): Happening[] {
  const wasGone = new Set(before.filter(({ goneSince }) => goneSince !== undefined).map(({ id }) => id));
  return after.flatMap(({ id, name, site, goneSince }): Happening[] => {
    if (goneSince === undefined || wasGone.has(id)) return [];
    const message = `Router ${name} of site ${nameOf(site)} cannot be reached from here`;
    return [{ at: goneSince, severity: 'warning', type: 'router-lost', site, object: `router/${name}`, message }];
  });
}

function linkHappenings(
  before: readonly LinkView[],
  after: readonly LinkView[],
  at: number,
  nameOf: (site: string) => string,
): Happening[] {
  const known = new Map(before.map((link) => [link.id, link]));
  return after.flatMap((link): Happening[] => {
    const was = known.get(link.id)?.status;
    // One that is made is down until it is up for the first time.
    if (was === link.status || (was === undefined && link.status === 'down')) return [];
    return [linkHappening(link, at, nameOf)];
  });
}

function linkHappening(link: LinkView, at: number, nameOf: (site: string) => string): Happening {
  const { name, status, fromSite, toSite, endpoint, message } = link;
  const says = status === 'up' ? 'is up' : `is down${message === '' ? '' : `: ${message}`}`;
  return {
    at,
    severity: status === 'up' ? 'info' : 'error',
    type: `link-${status}`,
    site: fromSite,
    object: `link/${name}`,
    message: `Link ${name} from ${nameOf(fromSite)} to ${nameOf(toSite) || endpoint} ${says}`,
  };
}

function serviceHappenings(before: NetworkView, after: NetworkView, at: number): Happening[] {
  const offered = (view: NetworkView) => {
    const sites = new Map<string, string>();
    for (const { kind, address, site, goneSince } of view.endpoints)
      if (kind === 'connector' && goneSince === undefined) sites.set(address, site);
    return sites;
  };
  const [was, is] = [offered(before), offered(after)];
  const lost = [...was].filter(([address]) => !is.has(address));
  const found = [...is].filter(([address]) => !was.has(address));
  return [
    ...found.map(([address, site]): Happening => {
      const message = `Service ${address} has a server`;
      return { at, severity: 'info', type: 'service-offered', site, object: `service/${address}`, message };
    }),
    ...lost.map(([address, site]): Happening => {
      const message = `Service ${address} has no server any more`;
      return { at, severity: 'warning', type: 'service-lost', site, object: `service/${address}`, message };
    }),
  ];
}

function idsOf(items: readonly { id: string }[]): Set<string> {
  return new Set(items.map(({ id }) => id));
}
