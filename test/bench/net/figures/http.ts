/** Small requests (1 KiB answers) over 1 and over 64 kept connections. */
import { measureHttp } from '../requests.ts';
import type { Figure, Row } from './figure.ts';

const CONNECTIONS = [1, 64];

function rowsOf(connections: number): Row[] {
  const label = `HTTP 1 KiB, ${connections} kept connection${connections === 1 ? '' : 's'}`;
  return [
    { id: `http-${connections}-rate`, label, unit: 'requests/s', better: 'more' },
    { id: `http-${connections}-p50`, label: `${label}, p50`, unit: 'ms', better: 'less' },
    { id: `http-${connections}-p99`, label: `${label}, p99`, unit: 'ms', better: 'less' },
  ];
}

export const http: Figure = {
  name: 'http',
  rows: CONNECTIONS.flatMap(rowsOf),

  async measure(bench, _system, pair) {
    const values: Record<string, number> = {};
    for (const connections of CONNECTIONS) {
      const load = { port: pair.entryPort, connections, seconds: bench.seconds, close: false };
      const { perSecond, p50Ms, p99Ms } = await measureHttp(bench, load);
      values[`http-${connections}-rate`] = perSecond;
      values[`http-${connections}-p50`] = p50Ms;
      values[`http-${connections}-p99`] = p99Ms;
    }
    return values;
  },
};
