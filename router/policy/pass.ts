/**
 * One connection's way through the limits that hold for it, one after the other in the order of the rules, so that no two connections wait
 * for each other. Pure.
 *
 * Invariants: it is in each measure that let it in until `leave`; it waits in one measure at most; `granted` or `refused` is called once,
 * and not after `leave`.
 */
import type { PolicyClient, RuleReference } from '../../lib/policy/types.ts';
import { isSameRule, workloadKey } from './keys.ts';
import type { Measure, Waiter } from './measure.ts';

export interface PassLimit {
  readonly by: RuleReference;
  readonly measure: Measure;
}

/** Who is told what becomes of it. */
export interface PassOwner {
  granted(): void;
  refused(by: RuleReference): void;
}

export type PassState = 'waits' | 'in' | 'refused' | 'over';

export class Pass implements Waiter {
  private readonly who: PolicyClient;
  private readonly limits: readonly PassLimit[];
  /** How many of them have let it in. */
  private entered = 0;
  private current: PassState = 'waits';
  private owner: PassOwner | undefined;

  constructor(who: PolicyClient, limits: readonly PassLimit[]) {
    this.who = who;
    this.limits = limits;
  }

  /** Who waits behind whom: a text that most, who find room at once, need not have made. */
  get client(): string {
    return workloadKey(this.who);
  }

  get state(): PassState {
    return this.current;
  }

  /** The rule whose limit it waits for, or has found no place at. */
  get by(): RuleReference | undefined {
    return this.limits[this.entered]?.by;
  }

  /** Told of what is not decided at once. */
  wait(owner: PassOwner): void {
    this.owner = owner;
  }

  /** Whether it has taken part of what this rule allows. */
  holds(rule: RuleReference): boolean {
    return this.limits.some(({ by }, at) => at < this.entered && isSameRule(by, rule));
  }

  /** Asks as far as it gets. */
  ask(now: number): PassState {
    while (this.entered < this.limits.length) {
      const answer = this.limits[this.entered]!.measure.ask(this, now);
      if (answer === 'waits') return this.current;
      if (answer === 'refused') {
        this.end('refused');
        return this.current;
      }
      this.entered++;
    }
    this.current = 'in';
    return this.current;
  }

  /** The same for one that does not wait. */
  askAtOnce(now: number): PassState {
    while (this.entered < this.limits.length) {
      if (!this.limits[this.entered]!.measure.lets(now)) {
        this.end('refused');
        return this.current;
      }
      this.entered++;
    }
    this.current = 'in';
    return this.current;
  }

  get measures(): readonly Measure[] {
    return this.limits.map(({ measure }) => measure);
  }

  /** Some of them limit octets. */
  get isPaced(): boolean {
    for (const { measure } of this.limits) if (measure.pace !== undefined) return true;
    return false;
  }

  /** The one that it waits in. */
  get measure(): Measure | undefined {
    return this.limits[this.entered]?.measure;
  }

  /** The connection is over, or nobody waits for it any more. */
  leave(): void {
    if (this.current === 'over') return;
    if (this.current === 'waits') this.limits[this.entered]?.measure.gone(this);
    this.end('over');
  }

  // ---- Waiter

  granted(now: number): void {
    this.entered++;
    const state = this.ask(now);
    if (state === 'in') this.owner?.granted();
    else if (state === 'refused') this.owner?.refused(this.by!);
  }

  refused(): void {
    this.end('refused');
    this.owner?.refused(this.by!);
  }

  private end(state: 'refused' | 'over'): void {
    const hasLeft = this.current === 'refused';
    this.current = state;
    if (hasLeft) return;
    for (let at = 0; at < this.entered; at++) this.limits[at]!.measure.leave();
  }
}
