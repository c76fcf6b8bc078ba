/** What the keyboard does beyond what browsers do: `/` searches, `g` and a letter goes to a view, `?` tells all this. */
import { href, type View } from './route.ts';

export const GO_KEYS: Readonly<Record<string, View>> = {
  n: 'network',
  s: 'services',
  l: 'links',
  i: 'sites',
  c: 'flows',
  e: 'events',
  t: 'tokens',
  p: 'policies',
};

/** The second key must follow within that time. */
const CHORD_MS = 1500;

export interface KeyActions {
  focusSearch(): void;
  escape(): void;
  help(): void;
  theme(): void;
}

export function listenToKeys(actions: KeyActions): void {
  let wentAt = Number.NEGATIVE_INFINITY;
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === 'Escape') return actions.escape();
    if (isTyping(event.target)) return;
    const isChord = event.timeStamp - wentAt < CHORD_MS;
    wentAt = Number.NEGATIVE_INFINITY;
    const view = GO_KEYS[event.key];
    if (isChord && view !== undefined) location.hash = href(view);
    else if (event.key === 'g') wentAt = event.timeStamp;
    else if (event.key === '/') actions.focusSearch();
    else if (event.key === '?') actions.help();
    else if (event.key === 'd') actions.theme();
    else return;
    event.preventDefault();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, select, textarea, [contenteditable]') !== null;
}
