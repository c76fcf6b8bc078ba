/** What the chaos run is asked for. */
import { parseArgs } from 'node:util';

export interface ChaosOptions {
  readonly minutes: number;
  readonly flowCount: number;
  readonly seed: number;
  /** Connections that had a way may be reset all the same. */
  readonly mayBreak: boolean;
}

export class UsageError extends Error {}

export const usage = `npm run chaos -- [--minutes N] [--flows N] [--seed N] [--may-break]

Bulk, request and half-open TCP connections over six routers in a ring with chords, while routers are killed, restarted and frozen and
links are cut and fall silent. No octet may be wrong, no connection may hang, none may break that had a way, and nothing of them may be
left at the end.

  --minutes N   how long (default 1)
  --flows N     connections at once (default 24)
  --seed N      of all that is left to chance (default: from the clock; it is printed)
  --may-break   connections may break for any reason, as with flows that do not survive
`;

/** @throws UsageError */
export function parseOptions(args: readonly string[], clockSeed: number): ChaosOptions {
  let values: Record<string, string | boolean | undefined>;
  try {
    const text = { type: 'string' } as const;
    const options = { minutes: text, flows: text, seed: text, 'may-break': { type: 'boolean' } } as const;
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const number = (name: string, otherwise: number, min: number): number => {
    const value = values[name] === undefined ? otherwise : Number(values[name]);
    if (!Number.isFinite(value) || value < min) throw new UsageError(`--${name} is a number, ${min} or more`);
    return value;
  };
  return {
    minutes: number('minutes', 1, 0.01),
    flowCount: Math.floor(number('flows', 24, 1)),
    seed: Math.floor(number('seed', clockSeed, 0)),
    mayBreak: values['may-break'] === true,
  };
}
