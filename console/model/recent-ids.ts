/** Which ids have come of late, so that what is told again to all, because one of them has asked, counts once. Bounded. Pure. */
export class RecentIds {
  private readonly ids = new Set<string>();
  private readonly countMax: number;

  constructor(countMax: number) {
    this.countMax = countMax;
  }

  /** @returns whether it is new */
  add(id: string): boolean {
    if (this.ids.has(id)) return false;
    this.ids.add(id);
    for (const oldest of this.ids) {
      if (this.ids.size <= this.countMax) break;
      this.ids.delete(oldest);
    }
    return true;
  }
}
