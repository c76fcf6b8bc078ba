/** A new connection for each request, 16 at a time. */
import { withPair } from '../pair.ts';
import { measureHttp, measureHttpCpu } from '../requests.ts';
import type { Figure } from './figure.ts';

const CONCURRENT = 16;
/** Routers run for weeks: what the first seconds cost is measured by `start`. */
const WARM_UP_SECONDS = 3;

export const connect: Figure = {
  name: 'connect',
  rows: [
    {
      id: 'connect-rate',
      label: 'new connection per request',
      unit: 'connections/s',
      better: 'more',
      goals: [{ times: 3, of: 'skrouterd' }],
    },
    { id: 'connect-cpu', label: 'CPU, new connection per request', unit: 's per 10,000', better: 'less' },
  ],

  measure: (bench, system) =>
    withPair(bench.ground, system, async (pair) => {
      const load = { port: pair.entryPort, connections: CONCURRENT, seconds: bench.seconds, close: true };
      await measureHttp(bench, { ...load, seconds: WARM_UP_SECONDS });
      const { perSecond, cpu } = await measureHttpCpu(bench, pair.pids, load);
      return { 'connect-rate': perSecond, ...(cpu === undefined ? {} : { 'connect-cpu': cpu }) };
    }),
};
