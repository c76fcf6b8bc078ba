/**
 * How messages of an address are spread: skupper-router's treatments and the configured prefixes and patterns that
 * choose them (wire reference 4.2). Tokens of an address are separated by `.` and `/`; `*` stands for one token,
 * `#` for any number of them.
 */
export const Treatment = { flood: 0, multicast: 1, closest: 2, balanced: 3, unavailable: 4 } as const;
export type Treatment = (typeof Treatment)[keyof typeof Treatment];

export type Distribution = 'multicast' | 'closest' | 'balanced' | 'unavailable';

interface Rule {
  tokens: string[];
  treatment: Treatment;
  priority: number | undefined;
}

/** The configured distributions; of several rules that match, the one with the most literal tokens wins. */
export class TreatmentTable {
  private readonly rules = new Map<string, Rule>();
  private fallback: Treatment;

  constructor(defaultDistribution: Distribution) {
    this.fallback = Treatment[defaultDistribution];
  }

  setDefault(distribution: Distribution): void {
    this.fallback = Treatment[distribution];
  }

  /** @param match either a prefix (`mc` stands for `mc` and all below) or a pattern */
  set(name: string, match: { prefix?: string; pattern?: string }, distribution: Distribution, priority?: number): void {
    const tokens = match.pattern !== undefined ? tokensOf(match.pattern) : [...tokensOf(match.prefix ?? ''), '#'];
    this.rules.set(name, { tokens, treatment: Treatment[distribution], priority });
  }

  delete(name: string): void {
    this.rules.delete(name);
  }

  /** The treatment of an address (without class character); `hint` is what another router announced. */
  treatmentOf(address: string, hint?: number): Treatment {
    const rule = this.find(address);
    if (rule) return rule.treatment;
    return isTreatment(hint) ? hint : this.fallback;
  }

  priorityOf(address: string): number | undefined {
    return this.find(address)?.priority;
  }

  private find(address: string): Rule | undefined {
    if (this.rules.size === 0) return undefined;
    const tokens = tokensOf(address);
    let best: Rule | undefined;
    for (const rule of this.rules.values()) {
      if (matches(rule.tokens, 0, tokens, 0) && (!best || literals(rule) > literals(best))) best = rule;
    }
    return best;
  }
}

function isTreatment(value: number | undefined): value is Treatment {
  return value !== undefined && Number.isInteger(value) && value >= Treatment.flood && value <= Treatment.unavailable;
}

function tokensOf(address: string): string[] {
  return address.split(/[./]/).filter((token) => token !== '');
}

function literals(rule: Rule): number {
  return rule.tokens.filter((token) => token !== '#' && token !== '*').length;
}

function matches(rule: string[], r: number, tokens: string[], t: number): boolean {
  if (r === rule.length) return t === tokens.length;
  if (rule[r] === '#') {
    for (let skip = t; skip <= tokens.length; skip++) if (matches(rule, r + 1, tokens, skip)) return true;
    return false;
  }
  if (t === tokens.length) return false;
  return (rule[r] === '*' || rule[r] === tokens[t]) && matches(rule, r + 1, tokens, t + 1);
}
