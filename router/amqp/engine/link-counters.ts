/**
 * What one link has carried, under skupper-router's names (wire reference 9.2, `router.link`). Integers only: the engine
 * counts deliveries and outcomes as they pass; what only the router knows (delayed, stuck, dropped) is counted by the core.
 *
 * Each delivery of a link is counted once in `deliveries`, when its first frame goes or comes, and at most once in one of
 * `presettled`, `accepted`, `rejected`, `released` and `modified`, when it is settled.
 */
import type { DeliveryState } from '../codec/performatives.ts';

export interface LinkCounters {
  deliveries: number;
  presettled: number;
  /** Pre-settled ones that could go nowhere. */
  droppedPresettled: number;
  accepted: number;
  rejected: number;
  released: number;
  modified: number;
  /** Settled more than a second, or ten, after they entered this router; a stream may take its time. */
  delayed1Sec: number;
  delayed10Sec: number;
  /** Under way for more than ten seconds now: it falls again. */
  stuck: number;
}

export function newLinkCounters(): LinkCounters {
  return {
    deliveries: 0,
    presettled: 0,
    droppedPresettled: 0,
    accepted: 0,
    rejected: 0,
    released: 0,
    modified: 0,
    delayed1Sec: 0,
    delayed10Sec: 0,
    stuck: 0,
  };
}

export type OutcomeCounters = Pick<LinkCounters, 'accepted' | 'rejected' | 'released' | 'modified'>;

/** Called once a delivery, with the last word on it. */
export function countOutcome(counters: OutcomeCounters, state: DeliveryState | undefined): void {
  switch (state?.state) {
    case 'accepted':
      counters.accepted++;
      break;
    case 'released':
      counters.released++;
      break;
    case 'rejected':
      counters.rejected++;
      break;
    case 'modified':
      counters.modified++;
      break;
    default:
      // Settled without an outcome.
      break;
  }
}
