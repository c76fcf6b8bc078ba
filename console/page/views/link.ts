/** One link: where it leads, how it is, what was dialled, until when its certificate holds. */
import type { LinkDetail } from '../../model/api.ts';
import type { LinkView } from '../../model/view.ts';
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { badge, curve, empty, expiry, facts, linkBadge, problem, section, siteLink } from '../parts/bits.ts';
import { eventList } from '../parts/lists.ts';
import { ago, count, dateTime, milliseconds, moment, rate, size } from '../text/format.ts';

const EVENTS_SHOWN = 20;

export function linkDetail(app: App, id: string): Content {
  const { network, now } = app;
  const link = network.links.get(id);
  if (link === undefined) return empty('This link is not in the network any more.');
  const { value, error } = app.detail<LinkDetail>(`links/${encodeURIComponent(id)}`);
  return [
    h(
      'p',
      { class: 'way' },
      siteLink(app, link.fromSite),
      h('span', { class: 'arrow' }, '→'),
      siteLink(app, link.toSite),
      linkBadge(link, now),
    ),
    link.status === 'down' && link.message !== '' && h('p', { class: 'problem' }, link.message),
    facts(
      ['Cost', link.cost],
      ['Round trip', link.status === 'up' && milliseconds(link.roundTripMs)],
      [
        link.status === 'up' ? 'Up since' : 'Down since',
        link.statusSince > 0 && h('span', { title: dateTime(link.statusSince) }, ago(link.statusSince, now)),
      ],
      ['Lost so far', count(link.downCount)],
      ['Role', link.role],
      ['Dialled by', h('span', { class: 'mono' }, network.routerName(link.fromRouter))],
      ['Reaches', link.toRouter !== '' && h('span', { class: 'mono' }, network.routerName(link.toRouter))],
    ),
    section('Traffic', traffic(app, link)),
    problem(error),
    section('Endpoint', endpoints(link, value, now)),
    section('Certificate', certificate(link, value, now)),
    value !== undefined &&
      value.events.length > 0 &&
      section('Events', eventList(value.events.slice(0, EVENTS_SHOWN), now)),
  ];
}

function traffic(app: App, link: LinkView): VNode {
  const row = (text: string, perSecond: number, octets: number, key: string) =>
    h(
      'li',
      { key },
      h('span', {}, text),
      curve(app.history.of(`link ${link.id} ${key}`), `${text}, lately`),
      h('span', { class: 'rate', title: `${size(octets)} in all` }, rate(perSecond)),
    );
  const { network } = app;
  return h(
    'ul',
    { class: 'list' },
    row(`to ${network.siteName(link.toSite)}`, link.octetsPerSecond, link.octets, 'there'),
    row(`to ${network.siteName(link.fromSite)}`, link.octetsBackPerSecond, link.octetsBack, 'back'),
  );
}

function endpoints(link: LinkView, detail: LinkDetail | undefined, now: number): Content {
  const all = detail?.endpoints ?? [];
  if (all.length === 0)
    return link.endpoint === '' ? empty('Not seen from here.') : h('p', { class: 'mono' }, link.endpoint);
  return h(
    'ul',
    { class: 'list' },
    all.map(({ endpoint, inUse, triedAt, message }) =>
      h(
        'li',
        { key: endpoint },
        h('span', { class: 'mono' }, endpoint),
        h(
          'span',
          { class: 'dim' },
          message ?? (!inUse && triedAt !== undefined && triedAt > 0 ? `tried at ${moment(triedAt, now)}` : ''),
        ),
        inUse ? badge('good', 'in use') : triedAt !== undefined && link.status === 'down' && badge('bad', 'tried'),
      ),
    ),
  );
}

function certificate(link: LinkView, detail: LinkDetail | undefined, now: number): Content {
  const found = detail?.certificate;
  if (found === undefined) return h('p', {}, expiry(link.certificateExpiresAt, now));
  return facts(
    ['Valid', expiry(found.notAfter, now)],
    ['Until', dateTime(found.notAfter)],
    ['Subject', h('span', { class: 'mono' }, found.subject)],
    ['Issuer', h('span', { class: 'mono' }, found.issuer)],
  );
}
