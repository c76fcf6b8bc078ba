/** Waits for a state of the world that comes by itself. */
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/** Looks again and again until `look` answers something other than undefined or false; rejects, naming `what`, when that takes too long. */
export async function eventually<T>(
  what: string | (() => string),
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 10_000,
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
