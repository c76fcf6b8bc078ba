/** The command line of `npm run bench -- console`. */
import { parseArgs } from 'node:util';
import { count, parsed } from '../../support/arguments.ts';

export interface ConsoleOptions {
  readonly rounds: number;
  readonly seconds: number;
}

export const consoleUsage = `Usage: npm run bench -- console [options]

What a console costs the routers of two local sites that are linked and carry nothing: processor time of each router without a console, with one
that nobody looks at, and with one page open; in turns, in each round in another order. Linux only.

  npm run bench -- console --rounds 12

  --rounds N    how often everything is measured, 1 to 1000 (default 6)
  --seconds S   how long each turn runs, 1 to 60 (default 10)
  --help
`;

/** Answers 'help' when that is asked for. @throws UsageError */
export function parseConsoleOptions(args: readonly string[]): ConsoleOptions | 'help' {
  const text = { type: 'string' } as const;
  const options = { rounds: text, seconds: text, help: { type: 'boolean', default: false } } as const;
  const { values } = parsed(() => parseArgs({ args: [...args], options }));
  if (values.help) return 'help';
  return {
    rounds: count('--rounds', values.rounds ?? '6', { min: 1, max: 1000 }),
    seconds: count('--seconds', values.seconds ?? '10', { min: 1, max: 60 }),
  };
}
