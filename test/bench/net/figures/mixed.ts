/** Small requests over 8 kept connections while 4 bulk flows fill the same link. */
import { withPair } from '../pair.ts';
import { measureHttp } from '../requests.ts';
import type { Figure } from './figure.ts';

const WARM_UP_SECONDS = 2;

export const mixed: Figure = {
  name: 'mixed',
  rows: [
    { id: 'mixed-p50', label: 'HTTP beside 4 bulk flows, p50', unit: 'ms', better: 'less' },
    {
      id: 'mixed-p99',
      label: 'HTTP beside 4 bulk flows, p99',
      unit: 'ms',
      better: 'less',
      goals: [{ times: 0.5, of: 'skrouterd' }],
    },
  ],

  measure: (bench, system) =>
    withPair(bench.ground, system, async (pair) => {
      await bench.client.call('startBulk', { port: pair.entryPort, count: 4, direction: 'down' });
      const load = { port: pair.entryPort, connections: 8, seconds: bench.seconds, close: false };
      await measureHttp(bench, { ...load, seconds: WARM_UP_SECONDS });
      const { p50Ms, p99Ms } = await measureHttp(bench, load);
      await bench.client.call('closeFlows', undefined);
      return { 'mixed-p50': p50Ms, 'mixed-p99': p99Ms };
    }),
};
