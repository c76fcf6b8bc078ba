/** One service: its way through the network, its listeners and connectors, and the connections that were refused. */
import type { PathView, ServiceDetail } from '../../model/api.ts';
import type { EndpointView, FlowView, TrafficView } from '../../model/view.ts';
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { badge, curve, empty, facts, problem, section, when } from '../parts/bits.ts';
import { longList } from '../parts/lists.ts';
import { href } from '../route.ts';
import { serviceTroubles } from '../state/trouble.ts';
import { count, frequency, milliseconds, plural, rate, size } from '../text/format.ts';

const REFUSED_SHOWN = 20;

export function serviceDetail(app: App, address: string): Content {
  const service = app.network.services.get(address);
  const { value, error, isMissing } = app.detail<ServiceDetail>(`services/${encodeURIComponent(address)}`);
  if (service === undefined) return empty('There is no such service in the network.');
  const endpoints = [...app.network.endpoints.values()].filter((one) => one.address === address);
  const trouble = serviceTroubles(app.network, app.now).get(address);
  return [
    h(
      'div',
      { class: 'big-curve' },
      curve(app.history.of(`service ${address}`), 'What it has carried lately', { width: 320, height: 48 }),
      h('span', { class: 'rate' }, rate(service.octetsPerSecond)),
    ),
    facts(
      ['Protocol', service.protocol],
      ['Open now', count(service.flowsOpen)],
      ['New', frequency(service.flowsPerSecond)],
      ['So far', count(service.flowsOpened)],
      [
        'Refused',
        trouble?.kind === 'refused' ? badge('bad', count(service.flowsRefused)) : count(service.flowsRefused),
      ],
      ['Carried', size(service.octets)],
    ),
    !isMissing && problem(error),
    section('Path through the network', pathsOf(app, address, endpoints, value)),
    section(
      'Listeners',
      endpointList(
        app,
        endpoints.filter(({ kind }) => kind === 'listener'),
        'None: nobody can connect to it.',
      ),
    ),
    section(
      'Connectors',
      endpointList(
        app,
        endpoints.filter(({ kind }) => kind === 'connector'),
        'None: whoever connects is refused.',
      ),
    ),
    section('Refused and reset', refusedList(app, value?.refused ?? [])),
    value !== undefined && section('Who may connect, and where to', rules(value)),
    h('p', {}, h('a', { href: href('flows', undefined, { address }) }, 'All its connections')),
  ];
}

function pathsOf(
  app: App,
  address: string,
  endpoints: readonly EndpointView[],
  detail: ServiceDetail | undefined,
): Content {
  if (detail === undefined) return empty('Asking…');
  if (!endpoints.some(({ kind }) => kind === 'connector')) return empty('It leads nowhere: no site offers it.');
  const carried = new Map(
    [...app.network.traffic.values()]
      .filter((one) => one.address === address)
      .map((one) => [`${one.fromSite} ${one.toSite}`, one]),
  );
  const openOn = ({ fromSite, toSite }: PathView) => carried.get(`${fromSite} ${toSite}`)?.flowsOpen ?? 0;
  return longList(app, {
    name: 'paths',
    class: 'paths',
    // Those that are used first.
    items: [...detail.paths].sort((a, b) => openOn(b) - openOn(a) || a.cost - b.cost),
    item: (path) => pathRow(app, path, carried.get(`${path.fromSite} ${path.toSite}`)),
    none: 'No site with a listener reaches a site with a connector.',
  });
}

/** Site, link, site, …: each leads to its own page. */
function pathRow(app: App, path: PathView, carried: TrafficView | undefined): VNode {
  const { network } = app;
  const sites = path.routers.map((router) => network.routers.get(router)?.site ?? '');
  const legs = path.links.flatMap((id, index) => {
    const site = sites[index + 1] ?? '';
    if (site === sites[index]) return [];
    const link = network.links.get(id);
    const text = link && (milliseconds(link.roundTripMs) || `cost ${link.cost}`);
    const hop = h(
      'a',
      { class: `hop ${link?.status ?? ''}`, href: href('links', id), title: link?.name },
      text ?? 'link',
    );
    return [h('span', { class: 'leg' }, hop, stop(app, site, site === path.toSite ? 'offers' : 'passes'))];
  });
  const isWithin = path.links.length === 0;
  const says = [
    `cost ${path.cost}`,
    carried && plural(carried.flowsOpen, 'connection'),
    carried && rate(carried.octetsPerSecond + carried.octetsBackPerSecond),
  ];
  return h(
    'li',
    { key: `${path.fromSite} ${path.toSite}` },
    h(
      'div',
      { class: 'way-steps' },
      stop(app, path.fromSite, isWithin ? 'both' : 'uses'),
      isWithin ? h('span', { class: 'dim' }, 'within the site') : legs,
    ),
    h('span', { class: 'dim cost' }, says.filter(Boolean).join(' · ')),
  );
}

const ROLES = { uses: 'listens', offers: 'serves', passes: 'passes on', both: 'listens and serves' } as const;

function stop(app: App, site: string, role: keyof typeof ROLES): VNode {
  return h(
    'a',
    { class: `stop ${role}`, href: href('sites', site) },
    h('b', {}, app.network.siteName(site)),
    h('small', {}, ROLES[role]),
  );
}

function endpointList(app: App, endpoints: readonly EndpointView[], none: string): Content {
  return longList(app, {
    name: `${endpoints[0]?.kind}s of a service`,
    items: endpoints,
    item: (endpoint) => endpointItem(app, endpoint),
    none,
  });
}

function endpointItem(
  app: App,
  { id, site, host, port, flowsOpen, flowsRefused, octetsPerSecond }: EndpointView,
): VNode {
  return h(
    'li',
    { key: id },
    h('a', { href: href('sites', site) }, app.network.siteName(site)),
    h('span', { class: 'dim mono' }, `${host}:${port}`),
    flowsRefused > 0 && badge('bad', `${count(flowsRefused)} refused`),
    h(
      'span',
      { class: 'rate' },
      [flowsOpen > 0 && `${count(flowsOpen)} open`, rate(octetsPerSecond)].filter(Boolean).join(' · '),
    ),
  );
}

function refusedList(app: App, flows: readonly FlowView[]): Content {
  if (flows.length === 0) return empty('None lately.');
  return h(
    'ol',
    { class: 'list refused' },
    flows
      .slice(0, REFUSED_SHOWN)
      .map(({ id, startedAt, fromSite, client, state, reason }) =>
        h(
          'li',
          { key: id },
          when(startedAt, app.now),
          h('span', {}, app.network.siteName(fromSite), ' ', h('span', { class: 'mono dim' }, client)),
          badge(state === 'refused' ? 'bad' : 'warn', state),
          h('span', { class: 'reason' }, reason || 'no reason given'),
        ),
      ),
  );
}

function rules({ explain, policies }: ServiceDetail): Content {
  return [
    explain.length === 0 && policies.length === 0 && empty('No policy selects it: every site may connect.'),
    explain.length > 0 &&
      h(
        'ul',
        { class: 'sentences' },
        explain.map((sentence) => h('li', { key: sentence }, sentence)),
      ),
    policies.length > 0 &&
      h(
        'p',
        {},
        'Policies: ',
        policies.map((reference, index) => [
          index > 0 && ', ',
          h('a', { key: reference, href: href('policies', reference) }, reference),
        ]),
      ),
  ];
}
