/** The command line of `npm run bench -- policy`. */
import { parseArgs } from 'node:util';
import { count, parsed } from '../../support/arguments.ts';

export interface PolicyOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly policies: number;
}

export const policyUsage = `Usage: npm run bench -- policy [options]

What access policies cost: a new connection for each request through two routers with a mutual TLS link, which in turns have no policy, many of
which few select the service, and many that all select it, a limit among them; in each round in another order.

  npm run bench -- policy --rounds 40

  --policies N  how many policies the routers have (default 1000)
  --rounds N    how often everything is measured, 1 to 1000 (default 20)
  --seconds S   how long each part runs, 1 to 60 (default 4)
  --help
`;

/** Answers 'help' when that is asked for. @throws UsageError */
export function parsePolicyOptions(args: readonly string[]): PolicyOptions | 'help' {
  const text = { type: 'string' } as const;
  const options = { policies: text, rounds: text, seconds: text, help: { type: 'boolean', default: false } } as const;
  const { values } = parsed(() => parseArgs({ args: [...args], options }));
  if (values.help) return 'help';
  return {
    policies: count('--policies', values.policies ?? '1000', { min: 2, max: 10_000 }),
    rounds: count('--rounds', values.rounds ?? '20', { min: 1, max: 1000 }),
    seconds: count('--seconds', values.seconds ?? '4', { min: 1, max: 60 }),
  };
}
