/**
 * Shares among the consumers of an address at this router, such as two versions of a service: as soon as their weights differ, each gets
 * connections in proportion to its weight, whatever it has open, by smooth weighted turns (the order of 3 to 1 is a a b a, not a a a b).
 *
 * Invariant: the credits of those that took part in a turn add up to what they did before it. Who joins begins with none.
 */
import type { Candidate } from './transit.ts';

/** A consumer that takes part; others have no weight. */
export interface Weighted extends Candidate {
  readonly weight: number;
  /** What it is owed, in units of weight. */
  credit: number;
}

export function isWeighted(candidate: Candidate): candidate is Weighted {
  return candidate.weight !== undefined;
}

/**
 * Whose turn it is, in place of the one that was chosen by load.
 * @param usable of which one is to be taken, those at other routers included, which keep out of it
 * @returns `chosen` when weights have no say: it is at another router or in trouble, or all weigh the same
 */
export function takeTurn(chosen: Candidate, usable: readonly Candidate[]): Candidate {
  if (!isWeighted(chosen) || chosen.passedOver) return chosen;
  const fit = usable.filter((each): each is Weighted => isWeighted(each) && !each.passedOver);
  if (fit.every(({ weight }) => weight === chosen.weight)) return chosen;
  let total = 0;
  let next = chosen;
  for (const each of fit) {
    total += each.weight;
    each.credit += each.weight;
    if (each.credit > next.credit || next.weight === 0) next = each;
  }
  next.credit -= total;
  return next;
}
