/** What the soak is asked for. */
import { parseArgs } from 'node:util';
import { atLeast, parsed } from '../support/arguments.ts';

export interface SoakOptions {
  readonly minutes: number;
  /** Flows at once, at most. */
  readonly flowCountMax: number;
  readonly seed: number;
  /** The router in the middle is the original. */
  readonly mixed: boolean;
  /** Links are lost now and then. */
  readonly losses: boolean;
}

export const usage = `npm run soak -- [--minutes N] [--flows N] [--seed N] [--mixed] [--losses]

TCP connections that are opened, half closed, reset and abandoned at random through a line of three routers; at the end nothing of them
may be left: no delivery, no link in use, no socket, no octet.

  --minutes N   how long connections are opened (default 1)
  --flows N     connections at once, at most (default 150)
  --seed N      of what happens to them (default: from the clock; it is printed)
  --mixed       the router in the middle is the original, SKROUTERD
  --losses      now and then links are cut, are silent, or the router in the middle is frozen or killed: what is open then may break, but
                has to be over at both ends soon
`;

/** @throws UsageError */
export function parseOptions(args: readonly string[], clockSeed: number): SoakOptions {
  const text = { type: 'string' } as const;
  const options = {
    minutes: text,
    flows: text,
    seed: text,
    mixed: { type: 'boolean' },
    losses: { type: 'boolean' },
  } as const;
  const { values } = parsed(() => parseArgs({ args: [...args], options }));
  const { minutes = '1', flows = '150', seed = String(clockSeed) } = values;
  return {
    minutes: atLeast('minutes', minutes, 0.01),
    flowCountMax: Math.floor(atLeast('flows', flows, 1)),
    seed: Math.floor(atLeast('seed', seed, 0)),
    mixed: values.mixed === true,
    losses: values.losses === true,
  };
}
