/** The command line of `npm run bench -- net`. */
import { parseArgs } from 'node:util';
import { count, parsed, UsageError } from '../../support/arguments.ts';
import { allFigures } from './figures/all.ts';
import type { Figure } from './figures/figure.ts';
import { allSystems, type System } from './systems.ts';

export interface NetOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly figures: readonly Figure[];
  readonly systems: readonly System[];
  /** Markdown goes there as well. */
  readonly out: string | undefined;
  /** The report becomes the generated part of docs/performance.md. */
  readonly docs: boolean;
  /** Leave configurations and logs in place. */
  readonly keep: boolean;
}

export const usage = `Usage: npm run bench -- net [options]

Compares two routers with one mutual TLS link on this machine with other ways through, interleaved.

  npm run bench -- net --rounds 5 --out bench.md
  SKROUTERD=/usr/sbin/skrouterd npm run bench -- net --figures bulk,http

  --figures LIST   ${allFigures.map(({ name }) => name).join(',')} (default: all)
  --systems LIST   ${allSystems()
    .map(({ name }) => name)
    .join(',')} (default: all that can run here)
  --rounds N       how often everything is measured, 1 to 100 (default 3)
  --seconds S      how long each timed part runs, 1 to 60 (default 3)
  --out FILE       write the report as markdown
  --docs           write the report into docs/performance.md; not with --figures or --systems
  --keep           leave configurations and logs in place
  --help
`;

/** Answers 'help' when that is asked for; throws UsageError. */
export function parseOptions(args: readonly string[]): NetOptions | 'help' {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = {
    figures: text,
    systems: text,
    rounds: text,
    seconds: text,
    out: text,
    docs: flag,
    keep: flag,
    help: flag,
  };
  const { values } = parsed(() => parseArgs({ args: [...args], options }));
  if (values.help) return 'help';
  if (values.docs && (values.figures ?? values.systems) !== undefined) {
    throw new UsageError('--docs: the document shows all figures of all systems, so leave out --figures and --systems');
  }
  return {
    rounds: count('--rounds', values.rounds ?? '3', { min: 1, max: 100 }),
    seconds: count('--seconds', values.seconds ?? '3', { min: 1, max: 60 }),
    figures: chosen('--figures', values.figures, allFigures),
    systems: chosen('--systems', values.systems, allSystems()),
    out: values.out,
    docs: values.docs,
    keep: values.keep,
  };
}

function chosen<T extends { name: string }>(option: string, list: string | undefined, all: readonly T[]): readonly T[] {
  if (list === undefined) return all;
  const names = list.split(',');
  const unknown = names.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) throw new UsageError(`${option}: unknown ${unknown.join(', ')}`);
  return all.filter(({ name }) => names.includes(name));
}
