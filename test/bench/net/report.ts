/** The report: one markdown table, readable on a terminal as it is. */
import type { Goal, Row } from './figures/figure.ts';
import { describeMachine } from './machine.ts';
import type { NetOptions } from './options.ts';
import { httpGenerator } from './requests.ts';
import type { Results } from './results.ts';
import type { Spread } from './statistics.ts';
import type { System } from './systems.ts';

const OURS = 'skuprt';
const PEERS = ['skrouterd', 'haproxy', 'relay'];

export function renderReport(options: NetOptions, systems: readonly System[], results: Results): string {
  const names = systems.map(({ name }) => name);
  const peers = names.includes(OURS) ? PEERS.filter((peer) => names.includes(peer)) : [];
  const head = ['', ...names, ...peers.map((peer) => `${OURS} / ${peer}`)];
  const rows = options.figures
    .flatMap(({ rows }) => rows)
    .map((row) => [
      `${row.label}, ${row.unit} (${row.better} is better)`,
      ...names.map((name) => cell(results.of(name, row))),
      ...peers.map((peer) => ratioCell(results.ratio(OURS, peer, row), row)),
    ]);
  const missing = options.systems.filter((system) => !systems.includes(system));
  return [
    `Median (min-max) of ${options.rounds} interleaved rounds of ${options.seconds} s. A ratio in **bold** is better than the peer.`,
    '',
    ...table(head, rows),
    '',
    `- machine: ${describeMachine()}, shared by load, backend and the system under test`,
    `- HTTP load: ${httpGenerator}`,
    ...systems.filter(({ version }) => version !== '').map(({ name, version }) => `- ${name}: ${version}`),
    ...missing.map(({ name, missing }) => `- skipped ${name}: ${missing}`),
    ...results.failures.map((failure) => `- failed: ${failure}`),
    '',
  ].join('\n');
}

/** One line for each goal: what is to be reached, what was, and whether it is. */
export function renderGoals(rows: readonly Row[], results: Results): string {
  const lines = rows.flatMap((row) => (row.goals ?? []).map((goal) => goalLine(row, goal, results)));
  return [...table(['figure', 'goal', 'measured (min-max of the rounds)', 'reached'], lines), ''].join('\n');
}

function goalLine(row: Row, goal: Goal, results: Results): string[] {
  const bound = row.better === 'more' ? 'at least' : 'at most';
  const isRatio = 'of' in goal;
  const wanted = isRatio ? goal.times : goal.value;
  const measured = isRatio ? results.ratio(OURS, goal.of, row) : results.of(OURS, row);
  const text = isRatio ? `${bound} ${goal.times} x ${goal.of}` : `${bound} ${goal.value} ${row.unit}`;
  if (measured === undefined) return [row.label, text, '-', 'not measured'];
  const isReached = row.better === 'more' ? measured.median >= wanted : measured.median <= wanted;
  const range = `(${short(measured.min)}-${short(measured.max)})`;
  return [row.label, text, `${short(measured.median)}${isRatio ? ' x' : ''} ${range}`, isReached ? 'yes' : '**no**'];
}

function cell(value: Spread | undefined): string {
  if (value === undefined) return '-';
  return `${short(value.median)} (${short(value.min)}-${short(value.max)})`;
}

function ratioCell(ratio: Spread | undefined, { better }: Row): string {
  if (ratio === undefined) return '-';
  const isBetter = better === 'more' ? ratio.median > 1 : ratio.median < 1;
  const median = `${short(ratio.median)} x`;
  return `${isBetter ? `**${median}**` : median} (${short(ratio.min)}-${short(ratio.max)})`;
}

/** Three significant digits, no exponent. */
function short(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return value.toFixed(0);
  return value.toFixed(magnitude >= 10 ? 1 : magnitude >= 0.1 ? 2 : 3);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)];
}
