/**
 * One question (LSR or MAR) that is put until it is answered: at once, then at growing intervals.
 *
 * Only pacing; who asks decides what is asked and what counts as the answer.
 */
export class Request {
  #attemptsLeft = 0;
  #dueAt = Infinity;
  #intervalMs = 0;
  readonly #firstIntervalMs: number;
  readonly #lastIntervalMs: number;

  constructor(firstIntervalMs: number, lastIntervalMs: number) {
    this.#firstIntervalMs = firstIntervalMs;
    this.#lastIntervalMs = lastIntervalMs;
  }

  /** When it is to be put next; Infinity when nothing is asked. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Asks, unless it is being asked already: then the pace stays, and only more attempts are granted. */
  want(now: number, attempts = Infinity): void {
    this.#attemptsLeft = Math.max(this.#attemptsLeft, attempts);
    if (this.#dueAt !== Infinity) return;
    this.#intervalMs = this.#firstIntervalMs;
    this.#dueAt = now;
  }

  /** An answer came, but not enough, or the way has changed: asks again without delay. */
  hasten(now: number): void {
    if (this.#dueAt !== Infinity) this.#dueAt = now;
  }

  sent(now: number): void {
    this.#attemptsLeft--;
    this.#dueAt = this.#attemptsLeft > 0 ? now + this.#intervalMs : Infinity;
    this.#intervalMs = Math.min(this.#intervalMs * 2, this.#lastIntervalMs);
  }

  satisfied(): void {
    this.#attemptsLeft = 0;
    this.#dueAt = Infinity;
  }
}
