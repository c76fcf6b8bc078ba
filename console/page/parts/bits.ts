/** Small pieces that many views show. */
import type { LinkView, SiteView } from '../../model/view.ts';
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { href } from '../route.ts';
import { expiryOf } from '../state/trouble.ts';
import { ago, dateTime, duration, moment, until } from '../text/format.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'dim';

/** A word with a mark: what it says does not hang on its colour. */
export function badge(tone: Tone, text: string): VNode {
  return h('span', { class: `badge ${tone}` }, text);
}

export function siteLink(app: App, id: string): Content {
  if (!app.network.sites.has(id)) return h('span', { class: 'dim' }, app.network.siteName(id));
  return h('a', { href: href('sites', id) }, app.network.siteName(id));
}

export function serviceLink(address: string): VNode {
  return h('a', { href: href('services', address), class: 'mono' }, address);
}

export function linkBadge(link: LinkView, now: number): VNode {
  if (link.status === 'up') return badge('good', 'up');
  return badge('bad', link.statusSince > 0 ? `down ${duration(now - link.statusSince)}` : 'down');
}

const EXPIRY_TONES = { now: 'bad', soon: 'warn', later: undefined } as const;

/** When a certificate ends; one that is near its end stands out. */
export function expiry(at: number | undefined, now: number): Content {
  if (at === undefined) return h('span', { class: 'dim' }, 'not seen from here');
  const tone = EXPIRY_TONES[expiryOf(at, now)];
  const text = `${at > now ? 'expires' : 'expired'} ${until(at, now)}`;
  return h('span', { title: dateTime(at) }, tone === undefined ? text : badge(tone, text));
}

export function when(at: number, now: number): VNode {
  return h('time', { title: `${dateTime(at)}, ${ago(at, now)}` }, moment(at, now));
}

export function platformName(site: SiteView): string {
  const known: Record<string, string> = {
    kubernetes: 'Kubernetes',
    podman: 'Podman',
    docker: 'Docker',
    linux: 'Linux',
  };
  return known[site.platform.toLowerCase()] ?? site.platform;
}

/** Pairs of a word and what it says; what is undefined is left out. */
export function facts(...pairs: (readonly [string, Content] | false | undefined)[]): VNode {
  return h(
    'dl',
    { class: 'facts' },
    pairs.map(
      (pair) =>
        !!pair &&
        pair[1] !== undefined &&
        pair[1] !== false &&
        pair[1] !== '' &&
        h('div', { key: pair[0] }, h('dt', {}, pair[0]), h('dd', {}, pair[1])),
    ),
  );
}

export function section(title: string, ...content: Content[]): VNode {
  return h('section', { key: `section ${title}`, class: 'part' }, h('h2', {}, title), ...content);
}

export function empty(text: string): VNode {
  return h('p', { class: 'empty' }, text);
}

/** What went wrong with what was asked of the server. */
export function problem(text: string | undefined): Content {
  return text !== undefined && h('p', { class: 'problem', role: 'alert' }, text);
}

/** A small curve of the last few minutes. */
export function curve(
  values: readonly number[],
  label: string,
  size: { width: number; height: number } = { width: 96, height: 22 },
): VNode {
  const { width, height } = size;
  const most = Math.max(1, ...values);
  const step = width / Math.max(1, values.length - 1);
  const point = (value: number, index: number) =>
    `${(index * step).toFixed(1)},${(height - 1.5 - (value / most) * (height - 3)).toFixed(1)}`;
  const points = values.map(point).join(' ');
  return h(
    'svg',
    {
      class: 'curve',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': label,
      preserveAspectRatio: 'none',
    },
    values.length > 1 &&
      h('path', { class: 'curve-area', d: `M0,${height} L${points.replaceAll(' ', ' L')} L${width},${height} Z` }),
    values.length > 1 && h('polyline', { class: 'curve-line', points }),
  );
}
