/** Bytes per second with 1, 4 and 16 flows, each direction alone, every byte checked, and the CPU time the pair spends on it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Direction } from '../client.ts';
import { bytesPerSecond } from '../counter.ts';
import { cpuSeconds } from '../machine.ts';
import { withPair } from '../pair.ts';
import type { Bench, Figure, Goal, Row, Values } from './figure.ts';

/** Code is compiled, and TCP windows and the systems' own have grown by then. */
const WARM_UP_MS = 1000;
const COUNTS = [1, 4, 16];
const DIRECTIONS: readonly Direction[] = ['up', 'down'];
const CASES = COUNTS.flatMap((count) => DIRECTIONS.map((direction) => ({ count, direction })));
const CPU_GOALS: readonly Goal[] = [{ times: 0.7, of: 'skrouterd' }];

const caseId = (count: number, direction: Direction): string => `bulk-${count}-${direction}`;
const cpuId = (count: number, direction: Direction): string => `cpu-${count}-${direction}`;

function rowsOf({ count, direction }: { count: number; direction: Direction }): Row[] {
  const flows = `${count} bulk flow${count === 1 ? '' : 's'} ${direction}`;
  const goals: readonly Goal[] = [
    { times: count === 1 ? 1.5 : 1.3, of: 'skrouterd' },
    { times: 0.75, of: 'haproxy' },
    { times: 1, of: 'relay' },
  ];
  return [
    { id: caseId(count, direction), label: flows, unit: 'Gbit/s', better: 'more', goals },
    { id: cpuId(count, direction), label: `CPU, ${flows}`, unit: 's/GiB', better: 'less', goals: CPU_GOALS },
  ];
}

export const bulk: Figure = {
  name: 'bulk',
  rows: CASES.flatMap(rowsOf),

  measure: (bench, system) =>
    withPair(bench.ground, system, async (pair) => {
      const values: Record<string, number> = {};
      for (const { count, direction } of CASES) {
        await bench.client.call('startBulk', { port: pair.entryPort, count, direction });
        Object.assign(values, await timed(bench, pair.pids, count, direction));
        await bench.client.call('closeFlows', undefined);
      }
      return values;
    }),
};

async function timed(bench: Bench, pids: readonly number[], count: number, direction: Direction): Promise<Values> {
  const { signal } = bench.ground;
  const snapshot = () =>
    direction === 'up' ? bench.backend.call('taken', undefined) : bench.client.call('received', undefined);
  await sleep(WARM_UP_MS, undefined, { signal });
  const cpuBefore = cpuSeconds(pids);
  const before = await snapshot();
  await sleep(bench.seconds * 1000, undefined, { signal });
  const after = await snapshot();
  const cpu = cpuSeconds(pids) - cpuBefore;
  const rate = bytesPerSecond(before, after);
  const gib = (after.byteCount - before.byteCount) / 2 ** 30;
  const values = { [caseId(count, direction)]: (rate * 8) / 1e9 };
  return pids.length === 0 ? values : { ...values, [cpuId(count, direction)]: cpu / gib };
}
