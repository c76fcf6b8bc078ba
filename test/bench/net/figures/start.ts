/**
 * From nothing to the first byte: both processes started at once; and, for systems with a link, from the moment the
 * dialled link reaches the accepting side (TLS, AMQP and routing still to come) to the first byte through it.
 */
import { startGated, startPair } from '../pair.ts';
import type { Figure, Values } from './figure.ts';

export const start: Figure = {
  name: 'start',
  rows: [
    { id: 'start', label: 'both started, first byte through', unit: 'ms', better: 'less' },
    { id: 'start-link', label: 'link dialled, first byte through', unit: 'ms', better: 'less' },
  ],

  async measure({ ground }, system): Promise<Values> {
    if (system.isDirect) return {};
    const startMs = performance.now();
    const fresh = await startPair(ground, system);
    await fresh.firstByte();
    const values = { start: performance.now() - startMs };
    await fresh.stop();
    if (!system.hasLink) return values;

    const { pair: gated, gate } = await startGated(ground, system);
    await gated.firstByte();
    const linkMs = performance.now() - (gate.openedMs ?? Number.NaN);
    await gated.stop();
    await gate.close();
    return { ...values, 'start-link': linkMs };
  },
};
