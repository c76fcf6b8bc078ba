/** Which view is shown: a table, or the page of one thing of it. */
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import type { Flows } from '../live/flows.ts';
import { choice } from '../parts/choice.ts';
import { href } from '../route.ts';
import { plural } from '../text/format.ts';
import { eventsView } from './events.ts';
import { flowsView } from './flows.ts';
import { linkDetail } from './link.ts';
import { policiesView } from './policies.ts';
import { serviceDetail } from './service.ts';
import { titleOf } from './shell.ts';
import { siteDetail } from './site.ts';
import { linksTable, servicesTable, sitesTable } from './tables.ts';
import { type TokenForm, tokensView } from './tokens.ts';

export interface PageParts {
  readonly flows: Flows;
  readonly tokenForm: TokenForm;
}

export function page(app: App, parts: PageParts): VNode {
  const { view, id } = app.route;
  return h(
    'div',
    { class: `page ${id === undefined ? '' : 'one'}`, key: `${view} ${id ?? ''}` },
    id === undefined || view === 'policies' ? listPage(app, parts) : detailPage(app, id),
  );
}

function listPage(app: App, { flows, tokenForm }: PageParts): Content {
  const { view } = app.route;
  const { network } = app;
  const down = [...network.links.values()].filter(({ status }) => status === 'down').length;
  const counts: Partial<Record<typeof view, string>> = {
    sites: plural(network.sites.size, 'site'),
    services: plural(network.services.size, 'service'),
    links: `${plural(network.links.size, 'link')}${down > 0 ? `, ${down} down` : ''}`,
    events: plural(network.events.size, 'event'),
  };
  const heading = h(
    'div',
    { class: 'heading' },
    h('h1', { tabindex: -1 }, titleOf(view)),
    counts[view] !== undefined && h('p', { class: 'dim' }, counts[view]),
  );
  switch (view) {
    case 'sites':
      return [heading, sitesTable(app)];
    case 'services':
      return [heading, servicesTable(app)];
    case 'links':
      return [heading, linkChoice(app), linksTable(app)];
    case 'flows':
      return [heading, flowsView(app, flows)];
    case 'events':
      return [heading, eventsView(app)];
    case 'tokens':
      return [heading, tokensView(app, tokenForm)];
    default:
      return [heading, policiesView(app)];
  }
}

function linkChoice({ route }: App): VNode {
  return choice({
    label: 'Status',
    options: [
      [undefined, 'All'],
      ['up', 'Up'],
      ['down', 'Down'],
    ],
    chosen: route.params.status,
    href: (status) => href('links', undefined, { status }),
  });
}

function detailPage(app: App, id: string): Content {
  const { view } = app.route;
  const { network } = app;
  const [kind, title, content, inPicture] =
    view === 'sites'
      ? ['Site', network.siteName(id), siteDetail(app, id), { site: id }]
      : view === 'links'
        ? ['Link', network.links.get(id)?.name ?? id, linkDetail(app, id), { link: id }]
        : ['Service', id, serviceDetail(app, id), { service: id }];
  return [
    h(
      'div',
      { class: 'heading' },
      h(
        'div',
        {},
        h('p', { class: 'kind' }, h('a', { href: href(view) }, titleOf(view)), ` / ${kind}`),
        h('h1', { tabindex: -1 }, title),
      ),
      h(
        'a',
        { class: 'button', href: href('network', undefined, inPicture as Record<string, string>) },
        'Show in the picture',
      ),
    ),
    h('div', { class: 'columns' }, content),
  ];
}
