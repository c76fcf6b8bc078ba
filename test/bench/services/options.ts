/** The command line of `npm run bench -- services`. */
import { parseArgs } from 'node:util';
import { count, parsed } from '../../support/arguments.ts';

export interface ServicesOptions {
  readonly clusters: number;
  /** Of each cluster. */
  readonly services: number;
  /** One way. */
  readonly delayMs: number;
  /** Of every message on its way to one receiver. */
  readonly lossPercent: number;
  readonly seed: number;
}

export const servicesUsage = `Usage: npm run bench -- services [options]

The exchange of services between clusters, in simulation on a virtual clock: what it takes to converge from nothing, for a
cluster that joins, one that comes back, one change, and at rest.

  --clusters N   default 50
  --services N   of each cluster, default 500
  --delay MS     one way, default 20
  --loss PERCENT of every message on its way to one receiver, default 1
  --seed N       default 1
`;

/** Answers 'help' when that is asked for. @throws UsageError */
export function parseServicesOptions(args: readonly string[]): ServicesOptions | 'help' {
  const text = { type: 'string' } as const;
  const options = {
    clusters: text,
    services: text,
    delay: text,
    loss: text,
    seed: text,
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parsed(() => parseArgs({ args: [...args], options }));
  if (values.help) return 'help';
  return {
    clusters: count('--clusters', values.clusters ?? '50', { min: 2, max: 500 }),
    services: count('--services', values.services ?? '500', { min: 1, max: 4000 }),
    delayMs: count('--delay', values.delay ?? '20', { min: 1, max: 10_000 }),
    lossPercent: count('--loss', values.loss ?? '1', { min: 0, max: 90 }),
    seed: count('--seed', values.seed ?? '1', { min: 0, max: 2 ** 31 }),
  };
}
