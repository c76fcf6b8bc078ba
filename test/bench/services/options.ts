/** The command line of `npm run bench -- services`. */
import { parseArgs } from 'node:util';
import { UsageError } from '../usage-error.ts';

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
    clusters: count('--clusters', values.clusters ?? '50', 2, 500),
    services: count('--services', values.services ?? '500', 1, 4000),
    delayMs: count('--delay', values.delay ?? '20', 1, 10_000),
    lossPercent: count('--loss', values.loss ?? '1', 0, 90),
    seed: count('--seed', values.seed ?? '1', 0, 2 ** 31),
  };
}

function parsed<T>(parseThem: () => T): T {
  try {
    return parseThem();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function count(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new UsageError(`${name}: a number from ${min} to ${max}`);
  }
  return value;
}
