/**
 * What was whole when: which routers and links there were at each time of the run, and so whether two routers had a way to each other.
 * Pure: times are arguments.
 */
export type Edge = readonly [number, number];

interface State {
  readonly sinceMs: number;
  /** Routers of one group reach each other. */
  readonly groups: readonly number[];
}

export class History {
  private readonly routerCount: number;
  private readonly edges: readonly Edge[];
  private readonly downRouters = new Map<number, number>();
  private readonly downEdges = new Map<number, number>();
  private readonly states: State[];
  /** When each router lost all it knew. */
  private readonly deaths: number[][];

  constructor(routerCount: number, edges: readonly Edge[], nowMs: number) {
    this.routerCount = routerCount;
    this.edges = edges;
    this.deaths = Array.from({ length: routerCount }, () => []);
    this.states = [{ sinceMs: nowMs, groups: this.groups() }];
  }

  /** Troubles of one thing may overlap: it is whole when the last has ended. */
  router(at: number, isUp: boolean, nowMs: number): void {
    count(this.downRouters, at, isUp ? -1 : 1);
    this.note(nowMs);
  }

  edge(at: number, isUp: boolean, nowMs: number): void {
    count(this.downEdges, at, isUp ? -1 : 1);
    this.note(nowMs);
  }

  death(at: number, nowMs: number): void {
    this.deaths[at]!.push(nowMs);
  }

  /** Whether one of these routers died in this time. */
  died(routers: readonly number[], fromMs: number, toMs: number): boolean {
    return routers.some((at) => this.deaths[at]!.some((ms) => ms >= fromMs && ms <= toMs));
  }

  /** The longest time in a row in which they had no way to each other. */
  longestApartMs(one: number, two: number, fromMs: number, toMs: number): number {
    let longest = 0;
    let apart = 0;
    for (const [at, { sinceMs, groups }] of this.states.entries()) {
      const begin = Math.max(sinceMs, fromMs);
      const end = Math.min(this.states[at + 1]?.sinceMs ?? toMs, toMs);
      if (end <= begin) continue;
      apart = groups[one] === groups[two] && groups[one]! >= 0 ? 0 : apart + end - begin;
      longest = Math.max(longest, apart);
    }
    return longest;
  }

  private note(nowMs: number): void {
    this.states.push({ sinceMs: nowMs, groups: this.groups() });
  }

  /** One that is down is in no group: -1. */
  private groups(): number[] {
    const groups = Array.from({ length: this.routerCount }, (_, at) => (this.downRouters.has(at) ? -1 : at));
    for (let changed = true; changed; ) {
      changed = false;
      for (const [index, [one, two]] of this.edges.entries()) {
        if (this.downEdges.has(index) || groups[one]! < 0 || groups[two]! < 0 || groups[one] === groups[two]) continue;
        const least = Math.min(groups[one]!, groups[two]!);
        groups[one] = least;
        groups[two] = least;
        changed = true;
      }
    }
    return groups;
  }
}

function count(counts: Map<number, number>, key: number, more: number): void {
  const now = (counts.get(key) ?? 0) + more;
  if (now > 0) counts.set(key, now);
  else counts.delete(key);
}
