/** Beside the picture, while nothing is selected: what is wrong, what is busy, what has happened. */
import type { LinkView } from '../../model/view.ts';
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { badge, curve, empty, expiry, section } from '../parts/bits.ts';
import { eventList } from '../parts/lists.ts';
import { href, inPicture } from '../route.ts';
import { linksDown, linksExpiring, serviceTroubles } from '../state/trouble.ts';
import { duration, plural, rate } from '../text/format.ts';
import { matches } from '../text/search.ts';

const DOWN_SHOWN = 6;
const TROUBLES_SHOWN = 6;
const SERVICES_SHOWN = 8;
const EVENTS_SHOWN = 6;

export function overview(app: App): Content {
  const { network } = app;
  const down = linksDown(network);
  const total = [...network.services.values()].reduce((all, { octetsPerSecond }) => all + octetsPerSecond, 0);
  const events = [...network.events.values()].sort((a, b) => b.at - a.at).slice(0, EVENTS_SHOWN);
  return [
    h(
      'p',
      { class: 'sum' },
      h('a', { href: href('sites') }, plural(network.sites.size, 'site')),
      h('a', { href: href('links') }, plural(network.links.size, 'link')),
      h('a', { href: href('services') }, plural(network.services.size, 'service')),
      h('span', {}, rate(total)),
    ),
    down.length > 0 && downSection(app, down),
    troubleSection(app),
    section('Services', busyServices(app)),
    section(
      'Latest events',
      events.length === 0 ? empty('None yet.') : eventList(events, app.now),
      events.length > 0 && h('p', {}, h('a', { href: href('events') }, 'All events')),
    ),
  ];
}

function downSection({ network, now, route }: App, down: readonly LinkView[]): VNode {
  const item = (link: LinkView) =>
    h(
      'li',
      { key: link.id },
      h(
        'a',
        { href: inPicture(route, { link: link.id }) },
        `${network.siteName(link.fromSite)} → ${network.siteName(link.toSite)}`,
      ),
      h('span', { class: 'dim' }, link.message || link.endpoint),
      badge('bad', link.statusSince > 0 ? duration(now - link.statusSince) : 'down'),
    );
  const all = href('links', undefined, { status: 'down' });
  return section(
    `${plural(down.length, 'link')} down`,
    h('ul', { class: 'list trouble' }, down.slice(0, DOWN_SHOWN).map(item)),
    down.length > DOWN_SHOWN && h('p', {}, h('a', { href: all }, `All ${down.length}`)),
  );
}

/** What will fail, or fails some: services that refuse, certificates that end. */
function troubleSection({ network, now, route }: App): Content {
  const services = [...serviceTroubles(network, now).values()].map(({ address, kind, says }) =>
    h(
      'li',
      { key: `service ${address}` },
      h('a', { class: 'mono', href: inPicture(route, { service: address }) }, address),
      badge(kind === 'unserved' ? 'warn' : 'bad', says),
    ),
  );
  const links = linksExpiring(network, now).map(({ id, name, certificateExpiresAt }) =>
    h(
      'li',
      { key: `link ${id}` },
      h('a', { href: inPicture(route, { link: id }) }, name),
      expiry(certificateExpiresAt, now),
    ),
  );
  const all = [...services, ...links];
  const rest = all.length - TROUBLES_SHOWN;
  return (
    all.length > 0 &&
    section(
      'To look at',
      h('ul', { class: 'list' }, all.slice(0, TROUBLES_SHOWN)),
      rest > 0 && h('p', { class: 'dim' }, `and ${rest} more`),
    )
  );
}

function busyServices({ network, words, history, route }: App): VNode {
  // Orders of magnitude, so that rows do not change places all the time.
  const magnitude = (octetsPerSecond: number) => Math.round(Math.log10(1 + octetsPerSecond));
  const busy = [...network.services.values()]
    .filter(({ address }) => matches(words, [address]))
    .sort((a, b) => magnitude(b.octetsPerSecond) - magnitude(a.octetsPerSecond) || (a.address < b.address ? -1 : 1))
    .slice(0, SERVICES_SHOWN);
  if (busy.length === 0)
    return empty('None yet. A connector at one site and a listener at another with the same routing key make one.');
  return h(
    'ul',
    { class: 'list' },
    busy.map(({ address, octetsPerSecond }) =>
      h(
        'li',
        { key: address },
        h('a', { class: 'mono', href: inPicture(route, { service: address }), title: address }, address),
        curve(history.of(`service ${address}`), `What ${address} has carried lately`),
        h('span', { class: 'rate' }, rate(octetsPerSecond)),
      ),
    ),
  );
}
