/** Times and limits of telling events (wire reference 10.3). */

export const BEACON_MS = 10_000;
/** A collector that has just come is told at once that there is somebody; not more often than this. */
export const BEACON_MS_MIN = 1000;
export const HEARTBEAT_MS = 2000;

/** What changes is told in steps; each flow has its turn once in `SLOT_COUNT` of them. */
export const STEP_MS = 200;
export const SLOT_COUNT = 5;
/** So many steps from look to look at what there is; where there is more of it than so much, a second. */
export const LOOK_STEPS = 2;
export const LOOKED_AT_OFTEN_COUNT_MAX = 500;

/** Records in one message, and in one turn: what is left is told soon after, so that traffic passes in between. */
export const RECORDS_PER_MESSAGE = 50;
export const RECORDS_PER_TURN = 500;
export const NEXT_TURN_MS = 5;

/** How long a flow that has ended waits for what its other end knows of it. */
export const FLOW_END_WAIT_MS = 5000;

/** Flows and requests that are over and not told: from the first number on new ones are not told of, until there are fewer than the second. */
export const PENDING_COUNT_MAX = 5000;
export const PENDING_COUNT_RESUME = 4990;

/** Flows that were refused, for who looks later: so many of the latest, and for how long. */
export const REFUSED_COUNT_MAX = 100;
export const REFUSED_KEPT_MS = 3_600_000;

/** Log entries that wait to be told; what exceeds it is left out. */
export const LOG_PENDING_COUNT_MAX = 1000;

/** Of those that were told, or that nobody heard, for who looks later: so many of the latest of each module, and for how long. */
export const LOG_KEPT_COUNT_MAX = 50;
export const LOG_KEPT_MS = 3_600_000;

/** All is told again at most this often, however many ask. */
export const RETELL_MS_MIN = 1000;

export const TEXT_LENGTH_MAX = 300;

/** Records that are taken from one message of another router. */
export const CO_RECORDS_PER_MESSAGE_MAX = 1000;
