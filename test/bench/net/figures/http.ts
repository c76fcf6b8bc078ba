/** Small requests (1 KiB answers) over 1 and over 64 kept connections, and the CPU time the pair spends on them. */
import { withPair } from '../pair.ts';
import { measureHttp, measureHttpCpu } from '../requests.ts';
import type { Figure, Goal, Row } from './figure.ts';

const CONNECTIONS = [1, 64];
const WARM_UP_SECONDS = 2;

const RATE_GOALS: readonly Goal[] = [
  { times: 1.5, of: 'skrouterd' },
  { times: 1, of: 'haproxy' },
];
const P50_GOALS: readonly Goal[] = [{ times: 0.8, of: 'skrouterd' }];
const CPU_GOALS: readonly Goal[] = [{ times: 1, of: 'skrouterd' }];

/** One connection is about latency, many are about throughput. */
function rowsOf(connections: number): Row[] {
  const label = `HTTP 1 KiB, ${connections} kept connection${connections === 1 ? '' : 's'}`;
  const id = `http-${connections}`;
  const [rateGoals, p50Goals] = connections === 1 ? [[], P50_GOALS] : [RATE_GOALS, []];
  return [
    { id: `${id}-rate`, label, unit: 'requests/s', better: 'more', goals: rateGoals },
    { id: `${id}-p50`, label: `${label}, p50`, unit: 'ms', better: 'less', goals: p50Goals },
    { id: `${id}-p99`, label: `${label}, p99`, unit: 'ms', better: 'less' },
    { id: `${id}-cpu`, label: `CPU, ${label}`, unit: 's per 10,000', better: 'less', goals: CPU_GOALS },
  ];
}

export const http: Figure = {
  name: 'http',
  rows: CONNECTIONS.flatMap(rowsOf),

  measure: (bench, system) =>
    withPair(bench.ground, system, async (pair) => {
      const values: Record<string, number> = {};
      for (const connections of CONNECTIONS) {
        const id = `http-${connections}`;
        const load = { port: pair.entryPort, connections, seconds: bench.seconds, close: false };
        await measureHttp(bench, { ...load, seconds: WARM_UP_SECONDS });
        const { perSecond, p50Ms, p99Ms, cpu } = await measureHttpCpu(bench, pair.pids, load);
        values[`${id}-rate`] = perSecond;
        values[`${id}-p50`] = p50Ms;
        values[`${id}-p99`] = p99Ms;
        if (cpu !== undefined) values[`${id}-cpu`] = cpu;
      }
      return values;
    }),
};
