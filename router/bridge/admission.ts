/**
 * Whether this router takes one more TCP connection, whoever asks: beyond what it can hold, a new one is refused at once and with a
 * reason, so that those that are open go on, and links, health and management still have file descriptors and memory. Pure.
 *
 * Each connection may always hold a little (`FLOW_SHARE_BYTES_MIN`, and one read of its socket), also when the budget is used up: that many
 * stand still costs memory beyond the budget. At twice the budget nobody new comes in.
 */
import type { FlowBudget } from './flow-budget.ts';

/** What there is too much of: connections, or octets held for them. */
export type Shortage = 'router' | 'memory';

/** Of the budget. */
const OVERRUN_FACTOR = 2;

export class Admission {
  /** Ends of TCP connections at a time, of clients and of backends together. */
  countMax: number;
  private readonly budget: FlowBudget;

  constructor(countMax: number, budget: FlowBudget) {
    this.countMax = countMax;
    this.budget = budget;
  }

  /** @param openCount those there are, without the one that asks */
  shortage(openCount: number): Shortage | undefined {
    if (openCount >= this.countMax) return 'router';
    return this.budget.usedBytes >= OVERRUN_FACTOR * this.budget.limitBytes ? 'memory' : undefined;
  }
}

export const SHORTAGES: Readonly<Record<Shortage, string>> = {
  router: 'this router has as many connections as it may have',
  memory: 'this router holds more octets for connections than it may',
};
