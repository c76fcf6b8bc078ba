/** Lets one loop sleep until someone notifies it, a time passes, or it is told to end. A notification while it is awake is kept. */
import { setTimeout as sleep } from 'node:timers/promises';

/** What timers can hold. */
const WAIT_MAX_MS = 2 ** 31 - 1;

export class Wakeup {
  private isNotified = false;
  private sleeper: AbortController | undefined;

  /** A wait now would end at once. */
  get isDue(): boolean {
    return this.isNotified;
  }

  notify(): void {
    this.isNotified = true;
    this.sleeper?.abort();
  }

  /** Waits at most `waitMs`; Infinity is no limit. Never rejects. */
  async wait(waitMs: number, signal: AbortSignal): Promise<void> {
    if (!this.isNotified && !signal.aborted) {
      const sleeper = new AbortController();
      this.sleeper = sleeper;
      const onAbort = () => sleeper.abort();
      signal.addEventListener('abort', onAbort, { once: true });
      await sleep(Math.min(waitMs, WAIT_MAX_MS), undefined, { signal: sleeper.signal }).catch(() => undefined);
      signal.removeEventListener('abort', onAbort);
      this.sleeper = undefined;
    }
    this.isNotified = false;
  }
}
