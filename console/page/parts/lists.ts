/** Lists of the page of one thing: long ones open on demand, those of events say when. */
import type { EventView } from '../../model/view.ts';
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { count } from '../text/format.ts';
import { empty, when } from './bits.ts';

const ITEMS_AT_ONCE = 12;

export interface LongList<T> {
  /** One of its kind on the page. */
  readonly name: string;
  readonly items: readonly T[];
  readonly item: (one: T) => Content;
  /** What is said when there is none. */
  readonly none: string;
  readonly class?: string;
}

export function longList<T>(app: App, { name, items, item, none, ...props }: LongList<T>): Content {
  if (items.length === 0) return empty(none);
  const rest = items.length - (app.rowsShown.get(name) ?? ITEMS_AT_ONCE);
  const showAll = () => {
    app.rowsShown.set(name, Number.POSITIVE_INFINITY);
    app.changed();
  };
  return [
    h('ul', { class: props.class ?? 'list' }, items.slice(0, rest > 0 ? -rest : undefined).map(item)),
    rest > 0 && h('p', {}, h('button', { onclick: showAll }, `Show ${count(rest)} more`)),
  ];
}

export function eventList(events: readonly EventView[], now: number): VNode {
  return h(
    'ol',
    { class: 'list events' },
    events.map(({ id, at, severity, message, count: times }) =>
      h(
        'li',
        { key: id, class: severity },
        when(at, now),
        h('span', {}, message, times > 1 && h('span', { class: 'dim' }, ` ×${times}`)),
      ),
    ),
  );
}
