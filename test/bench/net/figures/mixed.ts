/** Small requests over 8 kept connections while 4 bulk flows fill the same link. */
import { measureHttp } from '../requests.ts';
import type { Figure } from './figure.ts';

export const mixed: Figure = {
  name: 'mixed',
  rows: [
    { id: 'mixed-p50', label: 'HTTP beside 4 bulk flows, p50', unit: 'ms', better: 'less' },
    { id: 'mixed-p99', label: 'HTTP beside 4 bulk flows, p99', unit: 'ms', better: 'less' },
  ],

  async measure(bench, _system, pair) {
    await bench.client.call('startBulk', { port: pair.entryPort, count: 4, direction: 'down' });
    const load = { port: pair.entryPort, connections: 8, seconds: bench.seconds, close: false };
    const { p50Ms, p99Ms } = await measureHttp(bench, load);
    await bench.client.call('closeFlows', undefined);
    return { 'mixed-p50': p50Ms, 'mixed-p99': p99Ms };
  },
};
