/** The command line of `npm run bench -- vanflow`. */
import { parseArgs } from 'node:util';
import { count, parsed } from '../../support/arguments.ts';

export interface VanflowOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** New flows a second. */
  readonly rate: number;
}

export const vanflowUsage = `Usage: npm run bench -- vanflow [options]

What it costs to tell of flows: new flows at a steady rate through a pair of routers with a mutual TLS link, while nobody
listens and while a collector hears of each, in turn, on the same routers; alone, and beside a bulk flow.

  npm run bench -- vanflow --rounds 5
  SKROUTERD=/usr/sbin/skrouterd npm run bench -- vanflow

  --rate N      new flows a second (default 1000)
  --rounds N    how often everything is measured, 1 to 100 (default 3)
  --seconds S   how long each part runs, 1 to 60 (default 8)
  --help
`;

/** Answers 'help' when that is asked for. @throws UsageError */
export function parseVanflowOptions(args: readonly string[]): VanflowOptions | 'help' {
  const text = { type: 'string' } as const;
  const options = { rate: text, rounds: text, seconds: text, help: { type: 'boolean', default: false } } as const;
  const { values } = parsed(() => parseArgs({ args: [...args], options }));
  if (values.help) return 'help';
  return {
    rate: count('--rate', values.rate ?? '1000', { min: 1, max: 20_000 }),
    rounds: count('--rounds', values.rounds ?? '3', { min: 1, max: 100 }),
    seconds: count('--seconds', values.seconds ?? '8', { min: 1, max: 60 }),
  };
}
