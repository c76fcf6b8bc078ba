/** What the console keeps at most, of all that routers of the network may tell it; and its times. */

/** Routers and site controllers that tell. */
export const SOURCE_COUNT_MAX = 2048;
/** Of one source and of all, flows and log entries not counted. */
export const RECORD_COUNT_MAX = 20_000;
export const RECORD_COUNT_ALL_MAX = 100_000;
/** Log entries that are known when they are told again, which routers do with what they keep. */
export const LOG_ID_COUNT_MAX = 20_000;
export const RECORDS_IN_MESSAGE_MAX = 1000;
export const TEXT_LENGTH_MAX = 512;
/** Of all texts of one record. */
export const RECORD_TEXT_LENGTH_MAX = 2048;
/** Connections: open ones, and the last that have ended. */
export const OPEN_FLOW_COUNT_MAX = 50_000;
export const ENDED_FLOW_COUNT_MAX = 5000;
/** Pairs of listener and connector between which there is traffic. */
export const PAIR_COUNT_MAX = 20_000;
export const EVENT_COUNT_MAX = 500;
/** The same that happens again within this time is one event with a count. */
export const EVENT_REPEAT_MS = 60_000;

/** Heartbeats come every 2 s. */
export const LEASE_MS = 12_000;
/** Of a source from which nothing has come yet. */
export const FIRST_LEASE_MS = 30_000;
/** The first request may come before the other side knows that somebody listens. */
export const ASK_AGAIN_MS = 2000;
/** After it was asked: by then a source has told everything. */
export const RETOLD_MS = 5000;

/** Changes go to those who look this often; less often where the network is so large that to look takes long: that is a share of the time. */
export const BATCH_MS = 250;
export const BATCH_SHARE = 1 / 8;
/** Flows are not listened to any more this long after the last one looked away. */
export const FLOWS_LINGER_MS = 10_000;
/** How often it is looked which routers can be reached, while somebody looks. */
export const REACHABLE_MS = 500;
/** An edge router that nothing can be sent to for so long is gone; one that goes over to another uplink is back before that. */
export const EDGE_GONE_MS = 1000;
/** How often the platform is asked, while somebody looks, and while nobody does; less often where it takes long: that is a share of the time. */
export const PLATFORM_MS = 500;
export const PLATFORM_SHARE = 1 / 10;
export const PLATFORM_IDLE_MS = 30_000;
/** Connections in one answer, unless asked otherwise. */
export const FLOWS_TOLD_MAX = 1000;
