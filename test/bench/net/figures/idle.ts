/** A pair with its link up and nothing to do: CPU time and resident memory of the process that takes more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { residentKib, runningSeconds } from '../machine.ts';
import { withPair } from '../pair.ts';
import type { Figure, Values } from './figure.ts';

/** What starting leaves to be done is done by then. */
const SETTLE_MS = 5000;
/** Long enough to hold several of whatever is done every second or two. */
const WATCH_SECONDS = 10;

export const idle: Figure = {
  name: 'idle',
  rows: [
    { id: 'idle-cpu', label: 'idle, CPU of one router', unit: '% of a core', better: 'less', goals: [{ value: 1 }] },
    { id: 'idle-rss', label: 'idle, memory of one router', unit: 'MiB', better: 'less', goals: [{ value: 90 }] },
  ],

  async measure({ ground }, system): Promise<Values> {
    if (system.isDirect) return {};
    return withPair(ground, system, async ({ pids }) => {
      await sleep(SETTLE_MS, undefined, { signal: ground.signal });
      const before = pids.map(runningSeconds);
      const startMs = performance.now();
      await sleep(WATCH_SECONDS * 1000, undefined, { signal: ground.signal });
      const seconds = (performance.now() - startMs) / 1000;
      const shares = pids.map((pid, index) => (runningSeconds(pid) - (before[index] ?? 0)) / seconds);
      return {
        'idle-cpu': Math.max(...shares) * 100,
        'idle-rss': Math.max(...pids.map((pid) => residentKib([pid]))) / 1024,
      };
    });
  },
};
