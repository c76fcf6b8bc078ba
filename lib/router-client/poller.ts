/** Asks the router for its state: each second, sooner and more often for a while after something was changed. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { Wakeup } from '../wakeup.ts';
import { type RouterClient, RouterRequestError } from './client.ts';
import type { RouterState } from './state.ts';

const INTERVAL_MS = 1000;
const EAGER_INTERVAL_MS = 100;
const EAGER_MS = 3000;
/** What was asked for is mostly done within moments: looked for more closely first. */
const FIRST_INTERVAL_MS = 40;
const FIRST_MS = 500;

export interface RouterPollerParts {
  client: RouterClient;
  clock: Clock;
  /** Told when the state is another than before. */
  onChange: (before: RouterState | undefined, after: RouterState | undefined) => void;
  log: Logger;
}

export class RouterPoller {
  private readonly parts: RouterPollerParts;
  private readonly wakeup = new Wakeup();
  private current: RouterState | undefined;
  private lookedAt = -Infinity;

  constructor(parts: RouterPollerParts) {
    this.parts = parts;
  }

  /** Undefined while the router does not answer. */
  get state(): RouterState | undefined {
    return this.current;
  }

  /** Something was changed, or the connection came or went: look now, and closely for a while. */
  look(): void {
    this.lookedAt = this.parts.clock.now();
    this.wakeup.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const begunAt = this.parts.clock.now();
      this.set(await this.read());
      const now = this.parts.clock.now();
      await this.wakeup.wait(pollWaitMs(now - this.lookedAt, now - begunAt), signal);
    }
  }

  private async read(): Promise<RouterState | undefined> {
    if (!this.parts.client.isUp) return undefined;
    try {
      return await this.parts.client.state();
    } catch (err) {
      if (!(err instanceof RouterRequestError)) throw err;
      this.parts.log.warn({ err }, 'router state not read');
      return undefined;
    }
  }

  private set(after: RouterState | undefined): void {
    const before = this.current;
    if (isDeepStrictEqual(before, after)) return;
    this.current = after;
    this.parts.onChange(before, after);
  }
}

/**
 * How long to wait for the next look, `ageMs` after the last change and after a look that took `readMs`: a router that has much to tell,
 * or is busy, is not asked all the time.
 */
export function pollWaitMs(ageMs: number, readMs: number): number {
  if (ageMs < FIRST_MS) return Math.max(FIRST_INTERVAL_MS, Math.min(EAGER_INTERVAL_MS, readMs));
  return ageMs < EAGER_MS ? EAGER_INTERVAL_MS : INTERVAL_MS;
}
