/**
 * One bulk flow over a line of 1 Gbit/s and of 50 and 100 ms round trip: what the windows of a system allow. `direct`
 * is plain TCP through the same relay.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesPerSecond } from '../counter.ts';
import { startDelayed } from '../pair.ts';
import type { System } from '../systems.ts';
import type { Bench, Figure, Goal, Row } from './figure.ts';

const ROUND_TRIPS_MS = [50, 100];
/** Some thirty round trips of the longer way: windows that grow have grown. */
const WARM_UP_MS = 3000;

const GOALS: readonly Goal[] = [
  { times: 10, of: 'skrouterd' },
  { times: 0.8, of: 'direct' },
];

const rowId = (roundTripMs: number): string => `distance-${roundTripMs}`;

export const distance: Figure = {
  name: 'distance',
  rows: ROUND_TRIPS_MS.map((roundTripMs): Row => {
    const label = `1 bulk flow, ${roundTripMs} ms round trip`;
    return { id: rowId(roundTripMs), label, unit: 'Mbit/s', better: 'more', goals: GOALS };
  }),

  async measure(bench, system) {
    const values: Record<string, number> = {};
    for (const roundTripMs of ROUND_TRIPS_MS) values[rowId(roundTripMs)] = await megabits(bench, system, roundTripMs);
    return values;
  },
};

async function megabits(bench: Bench, system: System, roundTripMs: number): Promise<number> {
  const { ground, client, seconds } = bench;
  const { pair, close } = await startDelayed(ground, bench.delay, { system, oneWayMs: roundTripMs / 2 });
  try {
    await pair.firstByte();
    await client.call('startBulk', { port: pair.entryPort, count: 1, direction: 'down' });
    await sleep(WARM_UP_MS, undefined, { signal: ground.signal });
    const before = await client.call('received', undefined);
    await sleep(seconds * 1000, undefined, { signal: ground.signal });
    const after = await client.call('received', undefined);
    return (bytesPerSecond(before, after) * 8) / 1e6;
  } finally {
    await client.call('closeFlows', undefined);
    await pair.stop();
    await close();
  }
}
