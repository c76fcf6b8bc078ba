/** The first view: the picture, and beside it what is selected, or the state of it all. */
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { badge, empty } from '../parts/bits.ts';
import { edgeId, type Graph } from '../picture/graph.ts';
import { GROUPINGS, type Grouping } from '../picture/groups.ts';
import { type Marks, NO_MARKS, serviceMarks } from '../picture/marks.ts';
import type { Picture } from '../picture/picture.ts';
import { href, inPicture } from '../route.ts';
import { matches } from '../text/search.ts';
import { linkDetail } from './link.ts';
import { overview } from './overview.ts';
import { serviceDetail } from './service.ts';
import { siteDetail } from './site.ts';

const GROUPING_NAMES: Readonly<Record<Grouping, string>> = {
  auto: 'by itself',
  off: 'not at all',
  name: 'by name',
  hub: 'by hub',
  platform: 'by platform',
};
/** Fewer sites need no groups. */
const GROUPED_MIN = 12;

export function networkView(app: App, picture: Picture): VNode {
  const { params } = app.route;
  const grouping = GROUPINGS.find((one) => one === params.by) ?? 'auto';
  const chosen = { grouping, open: params.group };
  const panel = panelOf(app, picture);
  return h(
    'div',
    { class: `network ${panel === undefined ? '' : 'has-selection'}`, key: 'network' },
    h(
      'div',
      { class: 'stage' },
      toolbar(app, grouping),
      picture.view(app, chosen, (graph) => marksOf(app, graph)),
      hint(app),
      h('div', { class: 'below' }, legend(), picture.controls()),
    ),
    panel === undefined
      ? h('aside', { class: 'panel', key: 'overview', 'aria-label': 'Overview' }, overview(app))
      : h(
          'aside',
          { class: 'panel selected', key: 'panel', 'aria-label': panel.title },
          panelHead(app, panel),
          panel.content,
        ),
  );
}

function toolbar(app: App, grouping: Grouping): VNode {
  const { params } = app.route;
  const services = [...app.network.services.keys()].map(String).sort();
  const go = (change: Readonly<Record<string, string | undefined>>) => {
    location.hash = inPicture(app.route, change);
  };
  const chosenService = params.service ?? '';
  const isGroupable = app.network.sites.size > GROUPED_MIN;
  return h(
    'div',
    { class: 'toolbar' },
    h('h1', { tabindex: -1 }, 'Network'),
    params.group !== undefined &&
      h(
        'p',
        { class: 'crumb' },
        h('a', { href: href('network', undefined, { by: params.by }) }, '← all groups'),
        ` ${params.group}`,
      ),
    services.length > 0 &&
      h(
        'label',
        {},
        'Follow ',
        h(
          'select',
          {
            value: chosenService,
            onchange: (event: Event) => go({ service: (event.target as HTMLSelectElement).value }),
          },
          h('option', { value: '' }, 'all services'),
          services.map((address) => h('option', { key: address, value: address }, address)),
        ),
      ),
    isGroupable &&
      h(
        'label',
        {},
        'Group ',
        h(
          'select',
          {
            value: grouping,
            onchange: (event: Event) => go({ by: (event.target as HTMLSelectElement).value, group: undefined }),
          },
          GROUPINGS.map((one) => h('option', { key: one, value: one }, GROUPING_NAMES[one])),
        ),
      ),
  );
}

/** What to do where there is next to nothing to see. */
function hint({ network }: App): Content {
  if (network.sites.size === 0) return h('p', { class: 'hint' }, 'No site is known yet.');
  if (network.sites.size > 1) return false;
  const making = h('a', { href: href('tokens') }, 'Make a token');
  return h('p', { class: 'hint' }, 'No other site is linked to this one. ', making, ', and redeem it at another site.');
}

function legend(): VNode {
  const sign = (...shapes: VNode[]) =>
    h('svg', { width: 14, height: 14, viewBox: '0 0 14 14', 'aria-hidden': 'true' }, shapes);
  return h(
    'p',
    { class: 'legend' },
    h('span', {}, sign(h('circle', { class: 'offers', cx: 7, cy: 7, r: 4 })), 'offered here'),
    h('span', {}, sign(h('circle', { class: 'uses', cx: 7, cy: 7, r: 4 })), 'used here'),
    h('span', {}, sign(h('path', { class: 'chevron', d: 'M2,2 L12,7 L2,12 Z' })), 'dialled side'),
  );
}

interface Panel {
  readonly title: string;
  readonly subtitle: string;
  readonly content: Content;
  readonly page?: string;
}

function panelHead({ route }: App, { title, subtitle, page }: Panel): VNode {
  return h(
    'div',
    { class: 'panel-head' },
    h('div', {}, h('p', { class: 'kind' }, subtitle), h('h2', {}, title)),
    page !== undefined && h('a', { class: 'button', href: page }, 'Open page'),
    h('a', { class: 'button close', href: inPicture(route), 'aria-label': 'Close' }, '×'),
  );
}

function panelOf(app: App, picture: Picture): Panel | undefined {
  const { site, link, between, service } = app.route.params;
  const { network } = app;
  if (site !== undefined) {
    return {
      title: network.siteName(site),
      subtitle: 'Site',
      content: siteDetail(app, site),
      page: href('sites', site),
    };
  }
  if (link !== undefined) {
    const name = network.links.get(link)?.name ?? link;
    return { title: name, subtitle: 'Link', content: linkDetail(app, link), page: href('links', link) };
  }
  if (service !== undefined) {
    return {
      title: service,
      subtitle: 'Service',
      content: serviceDetail(app, service),
      page: href('services', service),
    };
  }
  return between === undefined
    ? undefined
    : { title: 'Links', subtitle: 'Between two places', content: linksBetween(app, between, picture.graph) };
}

function linksBetween(app: App, between: string, graph: Graph | undefined): Content {
  const nodeOf = (site: string) => graph?.nodeOf.get(site) ?? site;
  const links = [...app.network.links.values()].filter(
    ({ fromSite, toSite }) => edgeId(nodeOf(fromSite), nodeOf(toSite)) === between,
  );
  if (links.length === 0) return empty('There are none any more.');
  return h(
    'ul',
    { class: 'list' },
    links.map((link) => linkItem(app, link.id)),
  );
}

function linkItem(app: App, id: string): Content {
  const link = app.network.links.get(id);
  if (link === undefined) return false;
  const route = `${app.network.siteName(link.fromSite)} → ${app.network.siteName(link.toSite)}`;
  return h(
    'li',
    { key: id },
    h('a', { href: inPicture(app.route, { link: id }) }, link.name),
    h('span', { class: 'dim' }, route),
    link.status === 'up' ? badge('good', 'up') : badge('bad', 'down'),
  );
}

function marksOf(app: App, graph: Graph): Marks {
  const { site, link, between, service } = app.route.params;
  const nodeOf = (id: string) => graph.nodeOf.get(id) ?? id;
  if (service !== undefined) {
    const { network } = app;
    const traffic = [...network.traffic.values()].filter(({ address }) => address === service);
    const ends = [...network.endpoints.values()].filter(({ address }) => address === service).map((one) => one.site);
    return serviceMarks(traffic, ends, [...network.links.values()], nodeOf);
  }
  const found = link === undefined ? undefined : app.network.links.get(link);
  const selected =
    site !== undefined ? nodeOf(site) : found ? edgeId(nodeOf(found.fromSite), nodeOf(found.toSite)) : between;
  if (app.words.length === 0) return { ...NO_MARKS, selected };
  const services = new Map<string, string[]>();
  for (const one of app.network.endpoints.values())
    services.set(one.site, [...(services.get(one.site) ?? []), one.address]);
  const hits = [...app.network.sites.values()].filter(({ id, name, platform, namespace }) =>
    matches(app.words, [name, id, platform, namespace, ...(services.get(id) ?? [])]),
  );
  return { isActive: true, sites: new Set(hits.map(({ id }) => id)), edges: new Set(), selected };
}
