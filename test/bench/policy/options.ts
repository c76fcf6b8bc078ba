/** The command line of `npm run bench -- policy`. */
import { parseArgs } from 'node:util';
import { count, parsed } from '../../support/arguments.ts';

export interface PolicyOptions {
  readonly generations: number;
  readonly rounds: number;
  readonly milliseconds: number;
  readonly policies: number;
}

export const policyUsage = `Usage: npm run bench -- policy [options]

What access policies cost: a new connection for each request through two routers with a mutual TLS link. Three such pairs run at once: one has no
policy, one many of which few select the service, one many that all select it, a limit among them. Short turns alternate between them in random
order, then what they have is swapped until each pair has had everything; then other processes take their place.

  npm run bench -- policy --generations 8

  --policies N      how many policies the routers have (default 1000)
  --generations N   how often pairs are started anew, 1 to 100 (default 4)
  --rounds N        turns of each pair between two swaps, 1 to 1000 (default 10)
  --milliseconds N  how long a turn is, 50 to 60000 (default 400)
  --help
`;

/** Answers 'help' when that is asked for. @throws UsageError */
export function parsePolicyOptions(args: readonly string[]): PolicyOptions | 'help' {
  const text = { type: 'string' } as const;
  const options = {
    policies: text,
    generations: text,
    rounds: text,
    milliseconds: text,
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parsed(() => parseArgs({ args: [...args], options }));
  if (values.help) return 'help';
  return {
    policies: count('--policies', values.policies ?? '1000', { min: 2, max: 10_000 }),
    generations: count('--generations', values.generations ?? '4', { min: 1, max: 100 }),
    rounds: count('--rounds', values.rounds ?? '10', { min: 1, max: 1000 }),
    milliseconds: count('--milliseconds', values.milliseconds ?? '400', { min: 50, max: 60_000 }),
  };
}
