/** What has happened, as a line of time and a list. */
import type { EventView } from '../../model/view.ts';
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { badge, siteLink, type Tone, when } from '../parts/bits.ts';
import { choice } from '../parts/choice.ts';
import { table } from '../parts/table.ts';
import { href } from '../route.ts';
import { duration, plural } from '../text/format.ts';
import { matches } from '../text/search.ts';

const TONES: Readonly<Record<EventView['severity'], Tone>> = { info: 'dim', warning: 'warn', error: 'bad' };
const SEVERITIES = ['info', 'warning', 'error'] as const;
const BINS = 60;
/** The line shows the shortest of these that holds all events. */
const SPANS_MS = [600_000, 3_600_000, 6 * 3_600_000, 86_400_000, 7 * 86_400_000] as const;

export function foundEvents({ network, words }: App): EventView[] {
  return [...network.events.values()].filter(({ type, site, object, message }) =>
    matches(words, [type, network.siteName(site), object, message]),
  );
}

export function eventsView(app: App): Content {
  const { now } = app;
  const severity = SEVERITIES.find((one) => one === app.route.params.severity);
  const events = foundEvents(app)
    .filter((event) => severity === undefined || event.severity === severity)
    .sort((a, b) => b.at - a.at || b.id - a.id);
  return [
    timeLine(events, now),
    choice({
      label: 'Severity',
      options: [
        [undefined, 'All'],
        ['info', 'Information'],
        ['warning', 'Warnings'],
        ['error', 'Errors'],
      ],
      chosen: severity,
      href: (value) => href('events', undefined, { severity: value }),
    }),
    table(app, {
      name: 'events',
      label: 'Events',
      rows: events,
      key: ({ id }) => id,
      rowClass: (event) => event.severity,
      empty: 'Nothing has happened yet.',
      columns: [
        {
          title: 'When',
          class: 'when',
          of: ({ at }) => when(at, now),
        },
        { title: 'What', class: 'what', of: (event) => badge(TONES[event.severity], event.type) },
        {
          title: 'Message',
          class: 'message',
          of: ({ message, count }) => [message, count > 1 && h('span', { class: 'dim' }, ` ×${count}`)],
        },
        { title: 'Site', class: 'wide', of: ({ site }) => site !== '' && siteLink(app, site) },
        { title: 'About', class: 'wide mono', of: ({ object }) => object },
      ],
    }),
  ];
}

/** How much has happened when: bars by severity, the present at the right. */
function timeLine(events: readonly EventView[], now: number): VNode {
  const oldest = events.at(-1)?.at ?? now;
  const span = SPANS_MS.find((ms) => now - oldest <= ms) ?? SPANS_MS.at(-1)!;
  const bins = Array.from({ length: BINS }, () => ({ info: 0, warning: 0, error: 0 }));
  for (const { at, severity, count } of events) {
    const bin = bins[BINS - 1 - Math.floor(((now - at) / span) * BINS)];
    if (bin !== undefined) bin[severity] += Math.max(1, count);
  }
  const most = Math.max(4, ...bins.map(({ info, warning, error }) => info + warning + error));
  const bar = (index: number) => {
    let top = 60;
    const bin = bins[index]!;
    return SEVERITIES.map((severity) => {
      const height = bin[severity] === 0 ? 0 : Math.max(2, (bin[severity] / most) * 56);
      top -= height;
      return (
        height > 0 &&
        h('rect', {
          key: `${index} ${severity}`,
          class: severity,
          x: index * 10 + 1.5,
          y: top.toFixed(1),
          width: 7,
          height: height.toFixed(1),
          rx: 1,
        })
      );
    });
  };
  return h(
    'figure',
    { class: 'time-line' },
    h(
      'svg',
      {
        viewBox: '0 0 600 60',
        preserveAspectRatio: 'none',
        role: 'img',
        'aria-label': `${plural(events.length, 'event')} in the last ${duration(span)}`,
      },
      bins.map((_, index) => bar(index)),
      h('line', { class: 'axis', x1: 0, y1: 60, x2: 600, y2: 60 }),
    ),
    h(
      'figcaption',
      {},
      h('span', {}, `${duration(span)} ago`),
      h('span', {}, `${duration(span / 2)} ago`),
      h('span', {}, 'now'),
    ),
  );
}
