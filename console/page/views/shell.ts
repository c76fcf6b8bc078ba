/** What stands around each view: where one can go, the search, whether what is shown is live. */
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { GO_KEYS } from '../keys.ts';
import { href, VIEWS, type View } from '../route.ts';
import { ago, count, moment } from '../text/format.ts';
import { nextTheme, type Theme } from '../theme.ts';
import { foundEvents } from './events.ts';
import { foundLinks, foundServices, foundSites } from './tables.ts';

const TITLES: Readonly<Record<View, string>> = {
  network: 'Network',
  services: 'Services',
  links: 'Links',
  sites: 'Sites',
  flows: 'Connections',
  events: 'Events',
  tokens: 'Tokens',
  policies: 'Policies',
};

export const titleOf = (view: View) => TITLES[view];

export interface ShellParts {
  readonly theme: Theme;
  readonly setTheme: (theme: Theme) => void;
  readonly help: () => void;
  readonly signOut: () => void;
}

export function shell(app: App, parts: ShellParts, content: Content): Content {
  return [
    h('a', { class: 'skip', href: '#main', onclick: skip }, 'Skip to the content'),
    h(
      'header',
      { class: 'top' },
      h('a', { class: 'brand', href: href('network') }, mark(), 'skuprt'),
      searchField(app),
      liveness(app),
      tools(app, parts),
    ),
    navigation(app),
    h('main', { id: 'main', class: 'main', tabindex: -1 }, problems(app), content),
    h('p', { class: 'spoken', 'aria-live': 'polite' }, spoken(app)),
  ];
}

function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('#main h1')?.focus();
}

function mark(): VNode {
  return h(
    'svg',
    { class: 'mark', width: 22, height: 22, viewBox: '0 0 22 22', 'aria-hidden': 'true' },
    h('path', { d: 'M6,16 C6,8 16,14 16,6' }),
    h('circle', { cx: 6, cy: 16, r: 3.4 }),
    h('circle', { cx: 16, cy: 6, r: 3.4 }),
  );
}

function searchField(app: App): VNode {
  const oninput = (event: Event) => app.search((event.target as HTMLInputElement).value);
  return h(
    'div',
    { class: 'search', role: 'search' },
    h('input', {
      id: 'search',
      type: 'search',
      placeholder: 'Search',
      'aria-label': 'Search',
      value: app.query,
      oninput,
      autocomplete: 'off',
      spellcheck: 'false',
    }),
    app.query === '' && h('kbd', { 'aria-hidden': 'true' }, '/'),
  );
}

function liveness({ status, liveAt, now, isLoaded }: App): VNode {
  const isLive = status === 'live' || (status === 'connecting' && !isLoaded);
  const text = isLive ? (isLoaded ? 'live' : 'connecting') : isLoaded ? `last seen ${ago(liveAt, now)}` : 'not reached';
  return h('p', { class: `liveness ${isLive ? 'live' : 'lost'}`, role: 'status' }, h('span', { class: 'lamp' }), text);
}

const THEME_SIGNS: Readonly<Record<Theme, string>> = { auto: '◐', light: '☀', dark: '☾' };

function tools(app: App, { theme, setTheme, help, signOut }: ShellParts): VNode {
  const { user } = app.network.session;
  const next = nextTheme(theme);
  const themeText = `Colours: ${theme === 'auto' ? 'as the system' : theme}. Change to ${next === 'auto' ? 'as the system' : next}`;
  return h(
    'div',
    { class: 'tools' },
    h(
      'button',
      { class: 'theme', 'aria-label': themeText, title: themeText, onclick: () => setTheme(next) },
      THEME_SIGNS[theme],
    ),
    h('button', { class: 'help-button', 'aria-label': 'Keys', title: 'Keys', onclick: help }, '?'),
    user !== '' && h('button', { class: 'user', title: `Signed in as ${user}`, onclick: signOut }, 'Sign out'),
  );
}

/** What keeps what is shown from being true stands above all of it. */
function problems({ network, now }: App): Content {
  const all = [...network.problems.values()];
  return (
    all.length > 0 &&
    h(
      'div',
      { key: 'problems', class: 'problems', role: 'alert' },
      h(
        'ul',
        {},
        all.map(({ id, message, since }) => h('li', { key: id }, `${message}. Since ${moment(since, now)}.`)),
      ),
    )
  );
}

/** While something is searched, each view says how much of it is there. */
function navigation(app: App): VNode {
  const { network, words } = app;
  const found: Partial<Record<View, number>> =
    words.length === 0
      ? {}
      : {
          services: foundServices(app).length,
          links: foundLinks(app).length,
          sites: foundSites(app).length,
          events: foundEvents(app).length,
        };
  const down = [...network.links.values()].filter(({ status }) => status === 'down').length;
  return h(
    'nav',
    { class: 'views', 'aria-label': 'Views' },
    VIEWS.map((view) =>
      h(
        'a',
        { key: view, href: href(view), 'aria-current': app.route.view === view ? 'page' : undefined },
        TITLES[view],
        found[view] !== undefined && h('span', { class: 'found' }, count(found[view])),
        view === 'links' &&
          words.length === 0 &&
          down > 0 &&
          h('span', { class: 'found bad', 'aria-label': `${down} down` }, count(down)),
      ),
    ),
  );
}

/** The latest change of a link, for who hears the page. */
function spoken({ network, isLoaded }: App): string {
  if (!isLoaded) return '';
  const latest = [...network.links.values()].reduce<{ text: string; at: number }>(
    (last, { name, status, statusSince }) =>
      statusSince > last.at ? { text: `Link ${name} is ${status}`, at: statusSince } : last,
    { text: '', at: 0 },
  );
  return latest.text;
}

export function helpDialog(close: () => void): VNode {
  const rows: [string, string][] = [
    ['/', 'search'],
    ['Esc', 'leave the search, or close what is open'],
    ...Object.entries(GO_KEYS).map(([key, view]): [string, string] => [`g ${key}`, TITLES[view]]),
    ['↑ ↓', 'from row to row'],
    ['d', 'light, dark, or as the system'],
    ['?', 'this'],
  ];
  return h(
    'dialog',
    {
      class: 'help',
      key: 'help',
      'aria-label': 'Keys',
      onclose: close,
      shown: (dialog: HTMLDialogElement) => queueMicrotask(() => dialog.isConnected && dialog.showModal()),
    },
    h('h2', {}, 'Keys'),
    h(
      'dl',
      { class: 'keys' },
      rows.map(([key, text]) =>
        h(
          'div',
          { key },
          h(
            'dt',
            {},
            key.split(' ').map((one) => h('kbd', { key: one }, one)),
          ),
          h('dd', {}, text),
        ),
      ),
    ),
    h('form', { method: 'dialog' }, h('button', { class: 'primary' }, 'Close')),
  );
}
