/** Collected values: one per row, system and round; a failed measurement leaves a gap and a note. */
import type { Row } from './figures/figure.ts';
import { type Spread, spread } from './statistics.ts';

export class Results {
  readonly failures: string[] = [];
  private readonly values = new Map<string, number>();
  private readonly roundCount: number;

  constructor(roundCount: number) {
    this.roundCount = roundCount;
  }

  add(round: number, system: string, rowId: string, value: number): void {
    this.values.set(key(round, system, rowId), value);
  }

  addFailure(round: number, system: string, figure: string, message: string): void {
    this.failures.push(`round ${round + 1}, ${system}, ${figure}: ${message}`);
  }

  of(system: string, row: Row): Spread | undefined {
    return this.spreadOver((round) => this.get(round, system, row));
  }

  /** `system` divided by `peer`, round by round, so that what slows the whole machine cancels out. */
  ratio(system: string, peer: string, row: Row): Spread | undefined {
    return this.spreadOver((round) => {
      const value = this.get(round, system, row);
      const other = this.get(round, peer, row);
      return value === undefined || other === undefined ? undefined : value / other;
    });
  }

  private get(round: number, system: string, row: Row): number | undefined {
    return this.values.get(key(round, system, row.id));
  }

  private spreadOver(valueIn: (round: number) => number | undefined): Spread | undefined {
    const rounds = Array.from({ length: this.roundCount }, (_, round) => valueIn(round));
    const values = rounds.filter((value) => value !== undefined);
    return values.length === 0 ? undefined : spread(values);
  }
}

const key = (round: number, system: string, rowId: string): string => `${round}/${system}/${rowId}`;
