/** Limits of flows that outlive their way. */

/** How long a flow may pause before both its ends are reset, where the configuration does not say. */
export const FLOW_PAUSE_LIMIT_MS = 10_000;
export const FLOW_PAUSE_LIMIT_MAX_MS = 600_000;

/**
 * What breaks a stream off may be the reset of the other end's socket: what is left of the flow stays this long, and
 * whatever says so comes meanwhile nearly always.
 */
export const RESUME_FIRST_MS = 10;

/** Between tries for which there is no way; doubles up to the last. */
export const RESUME_RETRY_MS = 50;
export const RESUME_RETRY_MAX_MS = 800;

/** A try without an answer is given up; doubles up to the last, for ways with long round trips. */
export const RESUME_ANSWER_MS = 1000;
export const RESUME_ANSWER_MAX_MS = 4000;

/** Paused flows that act in one turn. */
export const RESUME_BATCH_MAX = 200;
