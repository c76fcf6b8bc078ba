/** The tables of sites, services and links, and what a search finds in each. */
import type { LinkView, ServiceView, SiteView } from '../../model/view.ts';
import type { App } from '../app.ts';
import { type Content, h } from '../dom.ts';
import { badge, curve, expiry, linkBadge, platformName, serviceLink, siteLink } from '../parts/bits.ts';
import { table } from '../parts/table.ts';
import { href } from '../route.ts';
import { serviceTroubles } from '../state/trouble.ts';
import { ago, count, dateTime, frequency, milliseconds, rate } from '../text/format.ts';
import { matches } from '../text/search.ts';

export function foundSites({ network, words }: App): SiteView[] {
  return [...network.sites.values()].filter(({ id, name, namespace, platform, version }) =>
    matches(words, [id, name, namespace, platform, version]),
  );
}

export function foundServices({ network, words }: App): ServiceView[] {
  return [...network.services.values()].filter(({ address, protocol }) => matches(words, [address, protocol]));
}

export function foundLinks({ network, words }: App): LinkView[] {
  return [...network.links.values()].filter(({ name, fromSite, toSite, endpoint, status, message, role }) =>
    matches(words, [name, network.siteName(fromSite), network.siteName(toSite), endpoint, status, message, role]),
  );
}

export function sitesTable(app: App): Content {
  const { network, now } = app;
  const links = new Map<string, { up: number; down: number }>();
  for (const { fromSite, toSite, status } of network.links.values()) {
    for (const site of new Set([fromSite, toSite])) {
      const both = links.get(site) ?? { up: 0, down: 0 };
      both[status] += 1;
      links.set(site, both);
    }
  }
  const routers = counts([...network.routers.values()].map(({ site }) => site));
  const offers = counts(
    [...network.endpoints.values()].flatMap(({ site, kind }) => (kind === 'connector' ? [site] : [])),
  );
  const uses = counts([...network.endpoints.values()].flatMap(({ site, kind }) => (kind === 'listener' ? [site] : [])));
  return table(app, {
    name: 'sites',
    label: 'Sites',
    rows: foundSites(app),
    key: ({ id }) => id,
    href: ({ id }) => href('sites', id),
    sortedBy: 'Site',
    empty: 'No site is known yet.',
    columns: [
      {
        title: 'Site',
        sort: ({ name }) => name,
        of: ({ id, name, self }) => [h('a', { href: href('sites', id) }, name), self && badge('dim', 'here')],
      },
      {
        title: 'Links',
        sort: ({ id }) => links.get(id)?.down ?? 0,
        of: ({ id }) => {
          const { up, down } = links.get(id) ?? { up: 0, down: 0 };
          return [
            up + down === 0 ? badge('dim', 'none') : up > 0 && badge('good', `${up} up`),
            down > 0 && badge('bad', `${down} down`),
          ];
        },
      },
      {
        title: 'Offers',
        class: 'num',
        sort: ({ id }) => offers.get(id) ?? 0,
        of: ({ id }) => count(offers.get(id) ?? 0),
      },
      { title: 'Uses', class: 'num', sort: ({ id }) => uses.get(id) ?? 0, of: ({ id }) => count(uses.get(id) ?? 0) },
      {
        title: 'Routers',
        class: 'num wide',
        sort: ({ id }) => routers.get(id) ?? 0,
        of: ({ id }) => count(routers.get(id) ?? 0),
      },
      { title: 'Platform', class: 'wide', sort: ({ platform }) => platform, of: (site) => platformName(site) },
      { title: 'Namespace', class: 'wide', sort: ({ namespace }) => namespace, of: ({ namespace }) => namespace },
      { title: 'Version', class: 'wide', sort: ({ version }) => version, of: ({ version }) => version },
      {
        title: 'Since',
        class: 'num wide',
        sort: ({ startedAt }) => -startedAt,
        of: ({ startedAt }) => startedAt > 0 && h('span', { title: dateTime(startedAt) }, ago(startedAt, now)),
      },
    ],
  });
}

export function servicesTable(app: App): Content {
  const troubles = serviceTroubles(app.network, app.now);
  return table(app, {
    name: 'services',
    label: 'Services',
    rows: foundServices(app),
    key: ({ address }) => address,
    href: ({ address }) => href('services', address),
    sortedBy: 'Service',
    empty: 'No service yet. A connector at one site and a listener at another with the same routing key make one.',
    columns: [
      { title: 'Service', sort: ({ address }) => address, of: ({ address }) => serviceLink(address) },
      {
        title: 'State',
        class: 'wide',
        sort: (service) => stateOf(service).text,
        of: (service) => badge(stateOf(service).tone, stateOf(service).text),
      },
      {
        title: 'Listeners',
        class: 'num wide',
        sort: ({ listenerCount }) => listenerCount,
        of: ({ listenerCount }) => count(listenerCount),
      },
      {
        title: 'Connectors',
        class: 'num wide',
        sort: ({ connectorCount }) => connectorCount,
        of: ({ connectorCount }) => count(connectorCount),
      },
      { title: 'Open', class: 'num', sort: ({ flowsOpen }) => flowsOpen, of: ({ flowsOpen }) => count(flowsOpen) },
      {
        title: 'New',
        class: 'num wide',
        sort: ({ flowsPerSecond }) => flowsPerSecond,
        of: ({ flowsPerSecond }) => frequency(flowsPerSecond),
      },
      {
        title: 'Refused',
        class: 'num',
        sort: ({ flowsRefused }) => flowsRefused,
        of: ({ address, flowsRefused }) =>
          troubles.get(address)?.kind === 'refused' ? badge('bad', count(flowsRefused)) : count(flowsRefused),
      },
      {
        title: 'Lately',
        class: 'wide',
        of: ({ address }) => curve(app.history.of(`service ${address}`), `What ${address} has carried lately`),
      },
      {
        title: 'Traffic',
        class: 'num',
        sort: ({ octetsPerSecond }) => octetsPerSecond,
        of: ({ octetsPerSecond }) => rate(octetsPerSecond),
      },
    ],
  });
}

function stateOf({ listenerCount, connectorCount }: ServiceView) {
  if (connectorCount === 0) return { tone: 'bad', text: 'no connector' } as const;
  return listenerCount === 0
    ? ({ tone: 'dim', text: 'no listener' } as const)
    : ({ tone: 'good', text: 'reachable' } as const);
}

export function linksTable(app: App): Content {
  const { network, now } = app;
  const only = app.route.params.status;
  return table(app, {
    name: 'links',
    label: 'Links',
    rows: foundLinks(app).filter(({ status }) => only === undefined || status === only),
    key: ({ id }) => id,
    href: ({ id }) => href('links', id),
    rowClass: ({ status }) => status,
    sortedBy: 'Link',
    empty:
      only === 'down' ? 'None: all links are up.' : 'No link yet. Make a token here, and redeem it at another site.',
    columns: [
      { title: 'Link', sort: ({ name }) => name, of: ({ id, name }) => h('a', { href: href('links', id) }, name) },
      {
        title: 'From',
        class: 'wide',
        sort: ({ fromSite }) => network.siteName(fromSite),
        of: ({ fromSite }) => siteLink(app, fromSite),
      },
      {
        title: 'To',
        class: 'medium',
        sort: ({ toSite }) => network.siteName(toSite),
        of: ({ toSite }) => siteLink(app, toSite),
      },
      { title: 'Status', sort: ({ status }) => status, of: (link) => linkBadge(link, now) },
      { title: 'Cost', class: 'num wide', sort: ({ cost }) => cost, of: ({ cost }) => cost },
      {
        title: 'Round trip',
        class: 'num',
        sort: ({ roundTripMs }) => roundTripMs ?? -1,
        of: ({ roundTripMs, status }) => status === 'up' && milliseconds(roundTripMs),
      },
      {
        title: 'Traffic',
        class: 'num',
        sort: (link) => link.octetsPerSecond + link.octetsBackPerSecond,
        of: (link) => link.status === 'up' && rate(link.octetsPerSecond + link.octetsBackPerSecond),
      },
      { title: 'Endpoint', class: 'wide mono', sort: ({ endpoint }) => endpoint, of: ({ endpoint }) => endpoint },
      {
        title: 'Certificate',
        class: 'wide',
        sort: ({ certificateExpiresAt }) => certificateExpiresAt ?? Number.MAX_SAFE_INTEGER,
        of: ({ certificateExpiresAt }) => expiry(certificateExpiresAt, now),
      },
    ],
  });
}

function counts(keys: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const key of keys) found.set(key, (found.get(key) ?? 0) + 1);
  return found;
}
