/** One site: its routers, its links, what it offers and what it uses. */
import type { EndpointView, LinkView, RouterView } from '../../model/view.ts';
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { badge, empty, facts, linkBadge, platformName, section, serviceLink } from '../parts/bits.ts';
import { longList } from '../parts/lists.ts';
import { inPicture } from '../route.ts';
import { ago, dateTime, milliseconds, rate } from '../text/format.ts';

export function siteDetail(app: App, id: string): Content {
  const { network, now } = app;
  const site = network.sites.get(id);
  if (site === undefined) return empty('This site is not in the network any more.');
  const routers = [...network.routers.values()].filter((router) => router.site === id).sort(byName);
  const links = [...network.links.values()]
    .filter(({ fromSite, toSite }) => fromSite === id || toSite === id)
    .sort(byName);
  const endpoints = [...network.endpoints.values()].filter((one) => one.site === id);
  return [
    facts(
      ['Platform', platformName(site)],
      ['Namespace', site.namespace],
      ['Version', site.version],
      ['Since', site.startedAt > 0 && h('span', { title: dateTime(site.startedAt) }, ago(site.startedAt, now))],
      ['Id', h('span', { class: 'mono' }, site.id)],
    ),
    section(
      'Links',
      longList(app, {
        name: 'links of a site',
        items: links,
        item: (link) => linkItem(app, link, id),
        none: 'None: nothing reaches this site, and it reaches nothing.',
      }),
    ),
    section(
      'Offers',
      endpointList(
        app,
        endpoints.filter(({ kind }) => kind === 'connector'),
        'No connector.',
      ),
    ),
    section(
      'Uses',
      endpointList(
        app,
        endpoints.filter(({ kind }) => kind === 'listener'),
        'No listener.',
      ),
    ),
    routerSection(routers, now),
  ];
}

function routerSection(routers: readonly RouterView[], now: number): Content {
  return section(
    'Routers',
    h(
      'ul',
      { class: 'list' },
      routers.map(({ id: router, name, mode, version, startedAt, goneSince }) =>
        h(
          'li',
          { key: router },
          h('span', { class: 'mono' }, name),
          h(
            'span',
            { class: 'dim' },
            [version, startedAt > 0 && `up since ${dateTime(startedAt)}`].filter(Boolean).join(' · '),
          ),
          mode === 'edge' && badge('dim', 'edge'),
          goneSince !== undefined && badge('bad', `gone ${ago(goneSince, now)}`),
        ),
      ),
    ),
  );
}

function endpointList(app: App, endpoints: readonly EndpointView[], none: string): Content {
  return longList(app, {
    name: `${endpoints[0]?.kind}s of a site`,
    items: [...endpoints].sort((a, b) => (a.address < b.address ? -1 : 1)),
    item: ({ id, address, host, port, octetsPerSecond }) =>
      h(
        'li',
        { key: id },
        serviceLink(address),
        h('span', { class: 'dim mono' }, `${host}:${port}`),
        h('span', { class: 'rate' }, rate(octetsPerSecond)),
      ),
    none,
  });
}

/** As seen from the site: to another, or from it. */
function linkItem({ route, network, now }: App, link: LinkView, site: string): VNode {
  const isOwn = link.fromSite === site;
  const other = network.siteName(isOwn ? link.toSite : link.fromSite);
  const carried = rate(link.octetsPerSecond + link.octetsBackPerSecond);
  const says =
    link.status === 'up' ? [milliseconds(link.roundTripMs), carried].filter(Boolean).join(' · ') : link.message;
  return h(
    'li',
    { key: link.id },
    h('a', { href: inPicture(route, { link: link.id }) }, `${isOwn ? 'to' : 'from'} ${other}`),
    h('span', { class: 'dim' }, says),
    linkBadge(link, now),
  );
}

const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1);
