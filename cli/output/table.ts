/** Plain columns as kubectl writes them: upper-case heads, three blanks between, no trailing blanks. Pure. */
import { cleanText } from '../../lib/text.ts';
import { fittedTable } from './fit.ts';

export type Cell = string | number | boolean | undefined;

export function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return fittedTable(
    heads.map((head) => ({ head })),
    rows,
    Number.POSITIVE_INFINITY,
  );
}

/** One object as `Name: value` lines, values in one column. */
export function fields(pairs: readonly (readonly [name: string, value: Cell])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length)) + 1;
  return pairs
    .map(([name, value]) => `${`${name}:`.padEnd(width)} ${cellText(value)}`.trimEnd())
    .join('\n')
    .concat('\n');
}

function cellText(cell: Cell): string {
  return cell === undefined ? '' : cleanText(String(cell));
}
