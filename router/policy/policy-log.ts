/**
 * What policies have refused, for the log: each rule at each tcpListener or tcpConnector at once, then at most so often, with how many there
 * have been. Pure.
 */
import type { RuleReference } from '../../lib/policy/types.ts';
import { Seldom } from '../../lib/seldom.ts';
import { TOLD_MAX } from './limits.ts';

export class PolicyLog {
  private readonly intervalMs: number;
  private readonly told = new Map<string, Seldom>();

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
  }

  /** @returns how many there have been since the last that was told, this one too; undefined when it is not to be told now */
  count(what: string, by: RuleReference | undefined, place: string, now: number): number | undefined {
    const key = `${what} ${by?.policy} ${by?.rule} ${place}`;
    let told = this.told.get(key);
    if (told === undefined) {
      if (this.told.size >= TOLD_MAX) this.told.clear();
      told = new Seldom(this.intervalMs);
      this.told.set(key, told);
    }
    const before = told.tell(now);
    return before === undefined ? undefined : before + 1;
  }
}
