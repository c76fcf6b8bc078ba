/** Jittered exponential back-off: how long to wait before the next try. Pure; the owner keeps the timer. */
import type { Random } from './random.ts';

export interface BackoffOptions {
  initialMs: number;
  maxMs: number;
  /** 2 when absent. */
  factor?: number;
}

export class Backoff {
  readonly #random: Random;
  readonly #options: BackoffOptions;
  #attemptCount = 0;

  constructor(random: Random, options: BackoffOptions) {
    this.#random = random;
    this.#options = options;
  }

  get attemptCount(): number {
    return this.#attemptCount;
  }

  /** Between half of the current step and the whole of it, so that many who failed together do not come back together. */
  nextMs(): number {
    const { initialMs, maxMs, factor = 2 } = this.#options;
    const stepMs = Math.min(maxMs, initialMs * factor ** this.#attemptCount);
    this.#attemptCount += 1;
    return stepMs * (0.5 + this.#random.next() / 2);
  }

  /** It worked: the next failure starts from the beginning. */
  reset(): void {
    this.#attemptCount = 0;
  }
}
