/**
 * Who asked for what this cluster told, until they are answered: each by its inbox, or all at once when several ask. No clock. Pure.
 *
 * A delta answers everyone who knows a state since its beginning, so one multicast from the earliest is right for all.
 */
import { LIMITS } from './limits.ts';

/** `digest`: whether this cluster is alive is all it wants to know. */
export type Wanted = number | 'digest';

export interface Answer {
  /** Addresses of inboxes; undefined is everyone. */
  to: readonly string[] | undefined;
  wanted: Wanted;
}

export class Answers {
  private readonly pending = new Map<string, Wanted>();
  private readonly answeredAt = new Map<string, number>();
  private readonly intervalMs: number;
  private readonly multicastFrom: number;
  private at = Infinity;

  /** At most one answer to each within `intervalMs`; from `multicastFrom` on they get one together. */
  constructor(intervalMs: number, multicastFrom: number) {
    this.intervalMs = intervalMs;
    this.multicastFrom = multicastFrom;
  }

  deadline(): number {
    return this.at;
  }

  clear(): void {
    this.pending.clear();
    this.at = Infinity;
  }

  /** To be answered at `at`, with others who ask until then. */
  add(to: string, wanted: Wanted, at: number, now: number): void {
    if (now < (this.answeredAt.get(to) ?? -Infinity) + this.intervalMs) return;
    if (this.pending.size >= LIMITS.requesterCountMax) return;
    const before = this.pending.get(to);
    this.pending.set(to, before === undefined ? wanted : earlier(before, wanted));
    this.at = Math.min(this.at, at);
  }

  /** Everyone was told what happened since `from`. */
  told(from: number): void {
    for (const [to, wanted] of this.pending) if (wanted === 'digest' || wanted >= from) this.pending.delete(to);
    if (this.pending.size === 0) this.at = Infinity;
  }

  /** What is to be sent now. */
  take(now: number): Answer[] {
    if (now < this.at) return [];
    if (this.answeredAt.size + this.pending.size > LIMITS.requesterCountMax) this.answeredAt.clear();
    for (const to of this.pending.keys()) this.answeredAt.set(to, now);
    const wanted = [...this.pending];
    this.clear();
    const updates = wanted.filter((one): one is [string, number] => one[1] !== 'digest');
    const digests = wanted.filter(([, what]) => what === 'digest').map(([to]) => to);
    const isForAll = updates.length >= this.multicastFrom;
    const answers: Answer[] = isForAll
      ? [{ to: undefined, wanted: Math.min(...updates.map(([, from]) => from)) }]
      : updates.map(([to, from]) => ({ to: [to], wanted: from }));
    if (digests.length >= this.multicastFrom) answers.push({ to: undefined, wanted: 'digest' });
    else if (digests.length > 0) answers.push({ to: digests, wanted: 'digest' });
    return answers;
  }
}

function earlier(a: Wanted, b: Wanted): Wanted {
  if (a === 'digest') return b;
  return b === 'digest' ? a : Math.min(a, b);
}
