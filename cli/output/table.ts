/** Plain columns as kubectl writes them: upper-case heads, three blanks between, no trailing blanks. Pure. */
export type Cell = string | number | boolean | undefined;

export function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [heads, ...rows.map((row) => row.map(cellText))];
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('');
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
  return cell === undefined ? '' : String(cell);
}
