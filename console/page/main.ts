/** Wires the page together: the stream of changes, the address, the keys, and what shows the state. */
import type { NetworkAnswer } from '../model/api.ts';
import type { SectionChange } from '../model/view.ts';
import { App } from './app.ts';
import { h, patch } from './dom.ts';
import { listenToKeys } from './keys.ts';
import { Flows } from './live/flows.ts';
import { Stream, type StreamStatus } from './live/stream.ts';
import { Picture } from './picture/picture.ts';
import { outOf, parseRoute } from './route.ts';
import { currentTheme, nextTheme, showTheme, type Theme } from './theme.ts';
import { flowsFilter } from './views/flows.ts';
import { networkView } from './views/network.ts';
import { page } from './views/page.ts';
import { helpDialog, shell, titleOf } from './views/shell.ts';
import { SignIn, signInView } from './views/sign-in.ts';
import { TokenForm } from './views/tokens.ts';

/** A page that nobody has looked at for so long asks for nothing until somebody does. */
const HIDDEN_MS = 60_000;
/** Times such as "4 s ago" are shown anew that often. */
const TICK_MS = 1000;

const root = document.getElementById('page')!;
const app = new App({ render, onRefused: refused });
const picture = new Picture(() => app.changed());
const flows = new Flows({ onChange: () => app.changed(), onRefused: refused });
let tokenForm = new TokenForm();
const signIn = new SignIn();
const stream = new Stream('/api/v1/changes', {
  onEvent: ({ name, data }) => receive(name, data),
  onStatus: statusChanged,
});
let theme = currentTheme();
let isHelpOpen = false;

function receive(name: string, data: string): void {
  if (name === 'network') {
    const answer = JSON.parse(data) as NetworkAnswer;
    // Another page of this browser may have signed in as somebody else.
    const isOther = answer.user !== app.network.session.user;
    if (app.isLoaded && isOther) forgetUser();
    app.serverSays(answer.now);
    app.network.replace(answer);
    app.isLoaded = true;
  } else if (name === 'changes') app.network.apply(JSON.parse(data) as SectionChange[]);
  app.liveAt = app.now;
  app.changed();
}

function statusChanged(status: StreamStatus): void {
  if (app.status === 'live' && status !== 'live') app.liveAt = app.now;
  app.status = status;
  if (status === 'refused') refused();
  app.changed();
}

/** The server wants to know who asks. */
function refused(): void {
  askForSignIn(app.isLoaded ? 'The session has ended.' : undefined);
}

function askForSignIn(why?: string): void {
  if (app.needsSignIn) return;
  rest();
  forgetUser();
  signIn.error = why;
  app.needsSignIn = true;
  app.changed();
}

/** Answers to what they have asked, and that are still on their way, find nobody. */
function forgetUser(): void {
  app.forgetAll();
  flows.watch(undefined);
  tokenForm = new TokenForm();
  isHelpOpen = false;
}

function signedIn(): void {
  // Whoever was signed in until now looks no longer.
  rest();
  forgetUser();
  app.needsSignIn = false;
  stream.start();
  app.changed();
}

function signOut(): void {
  askForSignIn();
  signIn.leave(app);
}

/** Asks for nothing until it is started or shown again. */
function rest(): void {
  stream.stop();
  flows.watch(undefined);
}

function setTheme(next: Theme): void {
  theme = next;
  showTheme(next);
  app.changed();
}

function setHelp(isOpen: boolean): void {
  isHelpOpen = isOpen;
  app.changed();
}

function render(): void {
  if (app.needsSignIn) {
    patch(root, signInView(app, signIn, signedIn));
    return;
  }
  const { view } = app.route;
  sampleRates();
  flows.watch(view === 'flows' ? flowsFilter(app.route.params) : undefined);
  const content = !app.isLoaded
    ? h(
        'p',
        { class: 'waiting' },
        app.status === 'lost' ? 'The console’s server cannot be reached. Trying again…' : 'Looking at the network…',
      )
    : view === 'network'
      ? networkView(app, picture)
      : page(app, { flows, tokenForm });
  const parts = { theme, setTheme, help: () => setHelp(true), signOut };
  patch(root, shell(app, parts, content), isHelpOpen && helpDialog(() => setHelp(false)));
  const title = app.route.id ?? titleOf(view);
  document.title = `${view === 'sites' && app.route.id ? app.network.siteName(app.route.id) : title} · skuprt`;
}

function* rates(): Generator<readonly [string, number]> {
  for (const { address, octetsPerSecond } of app.network.services.values())
    yield [`service ${address}`, octetsPerSecond];
  for (const { id, octetsPerSecond, octetsBackPerSecond } of app.network.links.values()) {
    yield [`link ${id} there`, octetsPerSecond];
    yield [`link ${id} back`, octetsBackPerSecond];
  }
}

function sampleRates(): void {
  if (app.isLoaded && app.status === 'live') app.history.sample(app.now, rates());
}

function routeChanged(): void {
  const token = takeToken();
  if (token !== undefined) signIn.enter(app, token, signedIn);
  const before = app.route;
  app.route = parseRoute(location.hash);
  const isOther = before.view !== app.route.view || before.id !== app.route.id;
  if (before.view === 'tokens' && isOther) tokenForm.made = undefined;
  app.changed();
  if (!isOther) return;
  app.rowsShown.clear();
  // Whoever hears the page is told where they are now.
  requestAnimationFrame(() => {
    window.scrollTo(0, 0);
    document.querySelector<HTMLElement>('#main h1')?.focus({ preventScroll: true });
  });
}

function leave(): void {
  const field = document.getElementById('search') as HTMLInputElement | null;
  if (isHelpOpen) return;
  if (app.query !== '') app.search('');
  else if (document.activeElement === field) field?.blur();
  else if (app.route.view === 'network') location.hash = outOf(app.route);
}

function watchVisibility(): void {
  let timer = 0;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    if (!document.hidden) {
      if (!app.needsSignIn) stream.start();
      app.changed();
    } else timer = window.setTimeout(rest, HIDDEN_MS);
  });
}

/** The command line opens the page with the token behind `#`, where no server and no proxy sees it; there it does not stay. */
function takeToken(): string | undefined {
  const [, token] = /^#\/?token=(.+)$/.exec(location.hash) ?? [];
  if (token !== undefined) history.replaceState(null, '', location.pathname);
  return token && decodeURIComponent(token);
}

function start(): void {
  showTheme(theme);
  const token = takeToken();
  if (token === undefined) stream.start();
  else signIn.enter(app, token, signedIn);
  app.route = parseRoute(location.hash);
  window.addEventListener('hashchange', routeChanged);
  listenToKeys({
    focusSearch: () => document.getElementById('search')?.focus(),
    escape: leave,
    help: () => setHelp(!isHelpOpen),
    theme: () => setTheme(nextTheme(theme)),
  });
  watchVisibility();
  window.setInterval(() => document.hidden || app.changed(), TICK_MS);
  app.changed();
}

start();
