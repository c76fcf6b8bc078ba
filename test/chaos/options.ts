/** What the chaos run is asked for. */
import { parseArgs } from 'node:util';
import { atLeast, parsed } from '../support/arguments.ts';

export interface ChaosOptions {
  readonly minutes: number;
  readonly flowCount: number;
  readonly seed: number;
  /** Connections that had a way may be reset all the same. */
  readonly mayBreak: boolean;
}

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
  const text = { type: 'string' } as const;
  const options = { minutes: text, flows: text, seed: text, 'may-break': { type: 'boolean' } } as const;
  const { values } = parsed(() => parseArgs({ args: [...args], options }));
  const { minutes = '1', flows = '24', seed = String(clockSeed) } = values;
  return {
    minutes: atLeast('minutes', minutes, 0.01),
    flowCount: Math.floor(atLeast('flows', flows, 1)),
    seed: Math.floor(atLeast('seed', seed, 0)),
    mayBreak: values['may-break'] === true,
  };
}
