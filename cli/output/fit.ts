/**
 * Columns on a screen of some width, so that no line wraps: columns give way by their importance, then texts are cut, or go on below.
 * Where there is no screen everything is shown. Pure.
 */
import { cleanText } from '../../lib/text.ts';
import type { Cell } from './table.ts';

export interface Column {
  readonly head: string;
  /** How wide it is, where that does not follow from its cells. */
  readonly width?: number;
  /** How far it may be cut; without it, not at all. */
  readonly least?: number;
  /** Columns that may be left out, the lowest first. */
  readonly givesWay?: number;
  /** What does not fit stands below: for the last one. */
  readonly goesOn?: boolean;
}

const CUT = '…';

/** A table whose columns are as wide as their cells. @param width of the screen */
export function fittedTable(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number): string {
  const texts = rows.map((row) => columns.map((_, at) => cleanText(String(row[at] ?? ''))));
  const sized = columns.map((column, at) => {
    const widest = Math.max(column.head.length, ...texts.map((cells) => cells[at]!.length));
    return { ...column, width: widest, least: Math.min(widest, Math.max(column.least ?? widest, column.head.length)) };
  });
  const layout = new Layout(sized, width, 3);
  return [layout.heads, ...texts.map((cells) => layout.line(cells))].map((line) => `${line}\n`).join('');
}

/** Columns of lines that come one by one. */
export class Layout {
  private readonly shown: readonly { readonly column: Column; readonly at: number; readonly width: number }[];
  private readonly isBounded: boolean;
  private readonly gap: string;

  constructor(columns: readonly Column[], width: number, gap: number) {
    this.isBounded = width !== Number.POSITIVE_INFINITY;
    this.gap = ' '.repeat(gap);
    const widths = widthsOf(columns, width, gap);
    this.shown = columns.flatMap((column, at) => (widths[at] === undefined ? [] : [{ column, at, width: widths[at] }]));
  }

  get heads(): string {
    return this.joined(this.shown.map(({ column }) => column.head));
  }

  /** @param cells one for each column, also for those that are left out */
  line(cells: readonly string[]): string {
    const last = this.shown.at(-1);
    const texts = this.shown.map(({ at }) => cells[at] ?? '');
    if (last?.column.goesOn !== true || !this.isBounded) return this.joined(texts);
    const [first = '', ...more] = wordsIn(texts.pop() ?? '', last.width);
    const indent = ' '.repeat(this.shown.slice(0, -1).reduce((sum, { width }) => sum + width + this.gap.length, 0));
    return [this.joined([...texts, first]), ...more.map((text) => indent + text)].join('\n');
  }

  private joined(texts: readonly string[]): string {
    const cells = texts.map((text, at) => {
      const { width } = this.shown[at]!;
      const fitting = this.isBounded ? cut(text, width) : text;
      return at === texts.length - 1 ? fitting : fitting.padEnd(width);
    });
    return cells.join(this.gap).trimEnd();
  }
}

/** Undefined for those that are left out. The first get what is left of the room. */
function widthsOf(columns: readonly Column[], width: number, gap: number): (number | undefined)[] {
  const wholes = columns.map(({ head, width: whole = head.length }) => whole);
  const leasts = columns.map(({ least }, at) => Math.min(least ?? wholes[at]!, wholes[at]!));
  const left = new Set(columns.keys());
  const roomOf = () => [...left].reduce((room, at) => room - leasts[at]! - gap, width + gap);
  const giving = [...left].filter((at) => columns[at]!.givesWay !== undefined);
  giving.sort((a, b) => columns[a]!.givesWay! - columns[b]!.givesWay!);
  for (const at of giving) {
    if (roomOf() >= 0) break;
    left.delete(at);
  }
  let room = Math.max(0, roomOf());
  return columns.map((_, at) => {
    if (!left.has(at)) return undefined;
    const more = Math.min(room, wholes[at]! - leasts[at]!);
    room -= more;
    return leasts[at]! + more;
  });
}

export function cut(text: string, width: number): string {
  return text.length <= width ? text : text.slice(0, Math.max(0, width - 1)) + CUT;
}

/** As lines that are no wider; a word that is wider is broken. */
export function wordsIn(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length <= width) line += ` ${word}`;
    else {
      if (line !== '') lines.push(line);
      line = word;
    }
    for (; line.length > width; line = line.slice(width)) lines.push(line.slice(0, width));
  }
  return [...lines, line];
}
