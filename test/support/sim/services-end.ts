/** The end of a simulation of services on a virtual clock: nothing fails any more, all controllers are killed, and what they had begun ends. */
import { vi } from 'vitest';
import type { ServicesWorld } from './services-world.ts';

const ENDED_MS = 60_000;

export async function endServicesWorld({ clusters }: ServicesWorld): Promise<void> {
  for (const { api } of clusters) {
    api.faults = {};
    api.comeUp();
  }
  for (const cluster of clusters) cluster.killAll();
  await vi.advanceTimersByTimeAsync(ENDED_MS);
  await Promise.all(clusters.map((cluster) => cluster.ended()));
  vi.useRealTimers();
}
