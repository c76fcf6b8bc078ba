/** Times and numbers of the exchange of services. Milliseconds, where a name says so. */
import type { Random } from '../../lib/random.ts';

export interface ServiceExchangeOptions {
  heartbeatMs: number;
  leaseMs: number;
  /** How long what a lost cluster told is kept. */
  retentionMs: number;
  /** The first word of a process waits so long for what comes with it. */
  debounceMs: number;
  /** How long a number of ready endpoints above 0 may lag. */
  readyLagMs: number;
  /** Least time between two multicasts of changes: one goes out at once, those right behind it together. */
  spacingMs: number;
  /** The first digest after a change: who lost that asks at once. */
  confirmMs: number;
  /** Between the greetings after a connection: addresses spread after routers do. Who is there answers the last within this time. */
  repeatMs: number;
  /** Greetings after a connection. */
  greetingCount: number;
  /** Requests wait up to this, so that what is on its way can come. */
  requestMs: number;
  /** Between two requests for the same, doubled up to `retryMsMax`. */
  retryMs: number;
  retryMsMax: number;
  /** Answers wait up to this for others that ask for the same. */
  answerMs: number;
  answerIntervalMs: number;
  /** So many who ask for the same get one multicast. */
  answerMulticastFrom: number;
  /** Another site can claim a cluster so long after its lease. */
  claimExtraMs: number;
  asideMs: number;
  /** Messages that a cluster sent before it left may come so much later. */
  leftMs: number;
  /** From when on a cluster whose set does not come is not waited for. */
  settleMsMax: number;
  /** For jitter; seeded by the own inbox when absent. */
  random: Random;
}

export const DEFAULTS: Omit<ServiceExchangeOptions, 'random'> = {
  heartbeatMs: 5000,
  leaseMs: 15_000,
  retentionMs: 3_600_000,
  debounceMs: 30,
  readyLagMs: 1000,
  spacingMs: 20,
  confirmMs: 250,
  repeatMs: 1000,
  greetingCount: 3,
  requestMs: 40,
  retryMs: 300,
  retryMsMax: 5000,
  answerMs: 20,
  answerIntervalMs: 100,
  answerMulticastFrom: 3,
  claimExtraMs: 5000,
  asideMs: 5000,
  leftMs: 5000,
  settleMsMax: 60_000,
};
