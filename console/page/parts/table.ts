/** A table whose columns can be sorted, and that shows a long list piece by piece. Up and down arrows go from row to row. */
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { count } from '../text/format.ts';
import { empty } from './bits.ts';

export interface Column<T> {
  readonly title: string;
  readonly of: (row: T) => Content;
  /** What it is sorted by; a column without it is not. */
  readonly sort?: (row: T) => string | number;
  /** `num` stands to the right; `wide` is left out on narrow screens. */
  readonly class?: string;
}

export interface TableParts<T> {
  /** Of its sorting; one of its kind. */
  readonly name: string;
  readonly label: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly key: (row: T) => string | number;
  /** Where a click on the row leads. */
  readonly href?: (row: T) => string;
  readonly rowClass?: (row: T) => string;
  /** How it is sorted at first; without it, as the rows come. */
  readonly sortedBy?: string;
  /** What is said when there is none. */
  readonly empty: string;
}

const ROWS_AT_ONCE = 100;

export function table<T>(app: App, parts: TableParts<T>): Content {
  if (parts.rows.length === 0)
    return empty(app.words.length > 0 ? `Nothing here matches “${app.query}”.` : parts.empty);
  const rows = sorted(app, parts);
  const shown = Math.min(rows.length, app.rowsShown.get(parts.name) ?? ROWS_AT_ONCE);
  return [
    h(
      'table',
      { key: parts.name, 'aria-label': parts.label, onkeydown: moveByArrows },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          parts.columns.map((column) => head(app, parts, column)),
        ),
      ),
      h(
        'tbody',
        {},
        rows.slice(0, shown).map((row) => bodyRow(parts, row)),
      ),
    ),
    shown < rows.length &&
      h(
        'p',
        { class: 'more', key: `${parts.name} more` },
        `${count(shown)} of ${count(rows.length)} `,
        h('button', { onclick: () => showMore(app, parts.name, shown) }, 'Show more'),
      ),
  ];
}

function showMore(app: App, name: string, shown: number): void {
  app.rowsShown.set(name, shown + ROWS_AT_ONCE * 5);
  app.changed();
}

function sortingOf<T>(app: App, { name, sortedBy }: TableParts<T>) {
  return app.sorting.get(name) ?? { column: sortedBy ?? '', isDescending: false };
}

function sorted<T>(app: App, parts: TableParts<T>): readonly T[] {
  const { column, isDescending } = sortingOf(app, parts);
  const of = parts.columns.find(({ title }) => title === column)?.sort;
  if (of === undefined) return parts.rows;
  const sign = isDescending ? -1 : 1;
  return [...parts.rows].sort((a, b) => sign * compare(of(a), of(b)) || compare(parts.key(a), parts.key(b)));
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}

function head<T>(app: App, parts: TableParts<T>, column: Column<T>): VNode {
  const { title } = column;
  if (column.sort === undefined) return h('th', { key: title, scope: 'col', class: column.class }, title);
  const now = sortingOf(app, parts);
  const isThis = now.column === title;
  const order = isThis ? (now.isDescending ? 'descending' : 'ascending') : undefined;
  const onclick = () => {
    // Numbers are looked at for the greatest.
    const first = column.class?.includes('num') ?? false;
    app.sorting.set(parts.name, { column: title, isDescending: isThis ? !now.isDescending : first });
    app.changed();
  };
  return h(
    'th',
    { key: title, scope: 'col', class: column.class, 'aria-sort': order },
    h('button', { class: 'sort', onclick }, title),
  );
}

function bodyRow<T>(parts: TableParts<T>, row: T): VNode {
  const target = parts.href?.(row);
  const onclick =
    target &&
    ((event: MouseEvent) => {
      const isOnControl = (event.target as Element).closest('a, button') !== null;
      if (!isOnControl && window.getSelection()?.isCollapsed !== false) location.hash = target;
    });
  const classes = [target && 'goes', parts.rowClass?.(row)].filter(Boolean).join(' ');
  return h(
    'tr',
    { key: parts.key(row), class: classes || undefined, onclick },
    parts.columns.map((column, index) =>
      h(
        index === 0 ? 'th' : 'td',
        { key: column.title, class: column.class, scope: index === 0 ? 'row' : undefined },
        column.of(row),
      ),
    ),
  );
}

function moveByArrows(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
  const row = (event.target as Element).closest('tbody tr');
  if (step === undefined || row === null || event.ctrlKey || event.metaKey || event.altKey) return;
  const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
  const link = next?.querySelector<HTMLElement>('a, button');
  if (!link) return;
  event.preventDefault();
  link.focus();
}
