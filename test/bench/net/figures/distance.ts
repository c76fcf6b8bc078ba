/** One bulk flow over a link of 100 ms round trip: what the windows of a system allow. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesPerSecond } from '../counter.ts';
import { startGated } from '../pair.ts';
import type { Figure } from './figure.ts';

const ONE_WAY_MS = 50;
/** Some thirty round trips: windows that grow have grown. */
const WARM_UP_MS = 3000;

export const distance: Figure = {
  name: 'distance',
  rows: [{ id: 'distance', label: '1 bulk flow, 100 ms round trip', unit: 'Mbit/s', better: 'more' }],

  async measure({ ground, client, seconds }, system) {
    const { pair, gate } = await startGated(ground, system, ONE_WAY_MS);
    try {
      await pair.firstByte();
      await client.call('startBulk', { port: pair.entryPort, count: 1, direction: 'down' });
      await sleep(WARM_UP_MS, undefined, { signal: ground.signal });
      const before = await client.call('received', undefined);
      await sleep(seconds * 1000, undefined, { signal: ground.signal });
      const after = await client.call('received', undefined);
      return { distance: (bytesPerSecond(before, after) * 8) / 1e6 };
    } finally {
      await client.call('closeFlows', undefined);
      await pair.stop();
      await gate.close();
    }
  },
};
