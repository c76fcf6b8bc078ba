/** How many connections all listeners may hold together (`maxConnections` of the policy), and how many were refused for it. */
export class Quota {
  countMax: number;
  current = 0;
  processed = 0;
  denied = 0;

  constructor(countMax: number) {
    this.countMax = countMax;
  }

  /** @returns false when no more are taken */
  take(): boolean {
    this.processed++;
    if (this.current >= this.countMax) {
      this.denied++;
      return false;
    }
    this.current++;
    return true;
  }

  give(): void {
    this.current--;
  }
}
