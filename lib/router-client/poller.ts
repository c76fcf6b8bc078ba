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
  private eagerUntil = 0;

  constructor(parts: RouterPollerParts) {
    this.parts = parts;
  }

  /** Undefined while the router does not answer. */
  get state(): RouterState | undefined {
    return this.current;
  }

  /** Something was changed, or the connection came or went: look now, and closely for a while. */
  look(): void {
    this.eagerUntil = this.parts.clock.now() + EAGER_MS;
    this.wakeup.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.set(await this.read());
      const isEager = this.parts.clock.now() < this.eagerUntil;
      await this.wakeup.wait(isEager ? EAGER_INTERVAL_MS : INTERVAL_MS, signal);
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
