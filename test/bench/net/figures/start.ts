/**
 * From nothing to the first byte: both processes started at once; and, for systems with a link, from the moment the
 * dialled link reaches the accepting side (TLS, AMQP and routing still to come) to the first byte through it.
 */
import { type Pair, startGated, startPair } from '../pair.ts';
import type { Figure, Values } from './figure.ts';

export const start: Figure = {
  name: 'start',
  rows: [
    { id: 'start', label: 'both started, first byte through', unit: 'ms', better: 'less', goals: [{ value: 1000 }] },
    {
      id: 'start-link',
      label: 'link dialled, first byte through',
      unit: 'ms',
      better: 'less',
      goals: [{ value: 200 }],
    },
  ],

  async measure({ ground }, system): Promise<Values> {
    if (system.isDirect) return {};
    const startMs = performance.now();
    const fresh = await startPair(ground, system);
    const values = { start: await timeToFirstByte(fresh, () => startMs) };
    if (!system.hasLink) return values;
    const { pair, gate } = await startGated(ground, system);
    const linkMs = await timeToFirstByte(pair, () => gate.openedMs ?? Number.NaN).finally(() => gate.close());
    return { ...values, 'start-link': linkMs };
  },
};

/** Stops the pair, also when nothing comes through. */
async function timeToFirstByte(pair: Pair, sinceMs: () => number): Promise<number> {
  try {
    await pair.firstByte();
    return performance.now() - sinceMs();
  } finally {
    await pair.stop();
  }
}
