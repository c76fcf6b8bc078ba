/** Waits for a state of the world that comes by itself. */
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;
/** Of a machine that is slow and busy with others. What says how fast something is belongs to the benchmarks. */
const PATIENCE_MS = 60_000;
/** The same for `expect.poll`, which shows what there was instead. */
export const PATIENCE = { timeout: PATIENCE_MS, interval: POLL_MS } as const;

/** Looks again and again until `look` answers something other than undefined or false; rejects, naming `what`, when that takes too long. */
export async function eventually<T>(
  what: string | (() => string),
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = PATIENCE_MS,
): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadlineMs)
      throw new Error(`not within ${withinMs} ms: ${typeof what === 'string' ? what : what()}`);
    await sleep(POLL_MS);
  }
}
