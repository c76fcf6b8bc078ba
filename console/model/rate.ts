/** How much of something comes each second, over the last few: what has come is added up in slots of a second. */
const SLOT_MS = 1000;
const SLOT_COUNT = 5;

export class Rate {
  private readonly slots: number[] = new Array(SLOT_COUNT).fill(0);
  /** Number of the slot that is being filled. */
  private current = 0;

  add(amount: number, now: number): void {
    this.turn(now);
    this.slots[this.current % SLOT_COUNT]! += amount;
  }

  /** A whole number, so that what hardly changes is not news. */
  perSecond(now: number): number {
    this.turn(now);
    const sum = this.slots.reduce((total, slot) => total + slot, 0);
    if (sum === 0) return 0;
    const seconds = SLOT_COUNT - 1 + (now - this.current * SLOT_MS) / SLOT_MS;
    return Math.round(sum / seconds);
  }

  private turn(now: number): void {
    const slot = Math.floor(now / SLOT_MS);
    const passedCount = Math.min(slot - this.current, SLOT_COUNT);
    for (let passed = 0; passed < passedCount; passed++) this.slots[(slot - passed) % SLOT_COUNT] = 0;
    this.current = Math.max(slot, this.current);
  }
}

/** The rate of a counter that is read at times. What it had when it was first read came before. */
export class CounterRate {
  private readonly rate = new Rate();
  private last: number | undefined;

  /** @param count undefined: it was not told */
  read(count: number | undefined, now: number): void {
    if (count === undefined) return;
    if (this.last !== undefined && count > this.last) this.rate.add(count - this.last, now);
    this.last = count;
  }

  perSecond(now: number): number {
    return this.rate.perSecond(now);
  }
}
