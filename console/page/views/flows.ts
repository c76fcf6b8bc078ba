/** Connections as they open and end. */
import type { FlowView } from '../../model/view.ts';
import type { App } from '../app.ts';
import { type Content, h } from '../dom.ts';
import type { Flows } from '../live/flows.ts';
import { badge, serviceLink, siteLink, type Tone, when } from '../parts/bits.ts';
import { table } from '../parts/table.ts';
import { href } from '../route.ts';
import { duration, milliseconds, size } from '../text/format.ts';
import { matches } from '../text/search.ts';

const STATES = ['open', 'closed', 'reset', 'refused'] as const;
const TONES: Readonly<Record<FlowView['state'], Tone>> = { open: 'good', closed: 'dim', reset: 'warn', refused: 'bad' };

/** What the server is asked for. */
export function flowsFilter({
  address,
  site,
  state,
}: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const isKnown = STATES.some((one) => one === state);
  return { ...(address && { address }), ...(site && { site }), ...(state && isKnown && { state }) };
}

export function flowsView(app: App, flows: Flows): Content {
  const { network, now, words } = app;
  const rows = flows.list().filter((flow) => isWanted(flow, app.route.params) && found(app, flow, words));
  return [
    filters(app, flows),
    flows.status === 'lost' && h('p', { class: 'problem' }, 'The list stands still: the server cannot be reached.'),
    table(app, {
      name: 'flows',
      label: 'Connections',
      rows,
      key: ({ id }) => id,
      rowClass: ({ state }) => state,
      empty: flows.status === 'connecting' ? 'Asking…' : 'No connection yet. They are shown here as they open.',
      columns: [
        {
          title: 'Service',
          sort: ({ address }) => address,
          of: (flow) => [serviceLink(flow.address), h('small', { class: 'narrow' }, inShort(app, flow))],
        },
        { title: 'State', sort: ({ state }) => state, of: ({ state }) => badge(TONES[state], state) },
        {
          title: 'From',
          class: 'wide',
          sort: ({ fromSite }) => network.siteName(fromSite),
          of: ({ fromSite, client }) => [siteLink(app, fromSite), ' ', h('span', { class: 'mono dim' }, client)],
        },
        {
          title: 'To',
          class: 'wide',
          sort: ({ toSite }) => network.siteName(toSite),
          of: ({ toSite, server }) =>
            toSite === '' ? '' : [siteLink(app, toSite), ' ', h('span', { class: 'mono dim' }, server)],
        },
        { title: 'Sent', class: 'num medium', sort: ({ octets }) => octets, of: ({ octets }) => size(octets) },
        {
          title: 'Received',
          class: 'num',
          sort: ({ octetsBack }) => octetsBack,
          of: ({ octetsBack }) => size(octetsBack),
        },
        {
          title: 'Latency',
          class: 'num wide',
          sort: ({ latencyMs }) => latencyMs ?? -1,
          of: ({ latencyMs }) => milliseconds(latencyMs),
        },
        {
          title: 'Opened',
          class: 'num',
          sort: ({ startedAt }) => startedAt,
          of: ({ startedAt }) => when(startedAt, now),
        },
        {
          title: 'Lasted',
          class: 'num wide',
          sort: (flow) => lasted(flow, now),
          of: (flow) => duration(lasted(flow, now)),
        },
        {
          title: 'Why',
          class: 'wide why',
          of: ({ reason, traceId }) => [
            reason,
            traceId && h('span', { class: 'mono dim', title: 'Trace' }, ` ${traceId.slice(0, 8)}`),
          ],
        },
      ],
    }),
  ];
}

/** What the columns say that a narrow screen has no room for. */
function inShort({ network }: App, { fromSite, toSite, reason }: FlowView): string {
  const way = [fromSite, toSite].filter(Boolean).map((site) => network.siteName(site));
  return [way.join(' → '), reason].filter(Boolean).join(': ');
}

const lasted = ({ startedAt, endedAt }: FlowView, now: number) => Math.max(0, (endedAt ?? now) - startedAt);

function isWanted(flow: FlowView, { address, site, state }: Readonly<Record<string, string>>): boolean {
  if (address && flow.address !== address) return false;
  if (site && flow.fromSite !== site && flow.toSite !== site) return false;
  return !state || flow.state === state;
}

function found({ network }: App, flow: FlowView, words: readonly string[]): boolean {
  const { address, client, server, state, reason, traceId, fromSite, toSite } = flow;
  return matches(words, [
    address,
    client,
    server,
    state,
    reason,
    traceId,
    network.siteName(fromSite),
    network.siteName(toSite),
  ]);
}

function filters(app: App, flows: Flows): Content {
  const { params } = app.route;
  const go = (change: Readonly<Record<string, string>>) => {
    location.hash = href('flows', undefined, { ...params, ...change });
  };
  const select = (title: string, name: string, options: readonly (readonly [string, string])[]) =>
    h(
      'label',
      { key: name },
      `${title} `,
      h(
        'select',
        {
          value: params[name] ?? '',
          onchange: (event: Event) => go({ [name]: (event.target as HTMLSelectElement).value }),
        },
        h('option', { value: '' }, 'any'),
        options.map(([value, text]) => h('option', { key: value, value }, text)),
      ),
    );
  const services = [...app.network.services.keys()].map(String).sort();
  const sites = [...app.network.sites.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return h(
    'div',
    { class: 'filters' },
    select(
      'Service',
      'address',
      services.map((address) => [address, address] as const),
    ),
    select(
      'Site',
      'site',
      sites.map(({ id, name }) => [id, name] as const),
    ),
    select(
      'State',
      'state',
      STATES.map((state) => [state, state] as const),
    ),
    h(
      'button',
      { 'aria-pressed': String(flows.isHeld), onclick: () => flows.hold(!flows.isHeld) },
      flows.isHeld ? 'Go on' : 'Hold',
    ),
  );
}
