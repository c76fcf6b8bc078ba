/** A new connection for each request, 16 at a time. */
import { measureHttp } from '../requests.ts';
import type { Figure } from './figure.ts';

const CONCURRENT = 16;
/** Routers run for weeks: what the first seconds cost is measured by `start`. */
const WARM_UP_SECONDS = 3;

export const connect: Figure = {
  name: 'connect',
  rows: [{ id: 'connect-rate', label: 'new connection per request', unit: 'connections/s', better: 'more' }],

  async measure(bench, _system, pair) {
    const load = { port: pair.entryPort, connections: CONCURRENT, seconds: bench.seconds, close: true };
    await measureHttp(bench, { ...load, seconds: WARM_UP_SECONDS });
    const { perSecond } = await measureHttp(bench, load);
    return { 'connect-rate': perSecond };
  },
};
