/** What policies may take of a router at most. */

/** Measures of all Limit rules: with `per`, one for each site or workload that comes. */
export const MEASURES_MAX = 20_000;
/** Of those, for the workloads of another site, which names them itself: the rest of them share one. */
export const MEASURES_OF_SITE_MAX = 2_000;
/** So often it is looked which are idle, when there is no room, ms. */
export const MEASURES_SWEEP_MS = 1000;
/** Of a refusal's reason, on its way to the other end. */
export const REASON_LENGTH_MAX = 1024;
/** Connections that wait until it is known what runs at their address, and for how long, ms. */
export const IDENTITY_WAITS_MAX = 1000;
export const IDENTITY_WAIT_MS = 2000;
/** So often it is looked whether it has become known. */
export const IDENTITY_LOOK_MS = 50;
/** Who was waited for in vain is not waited for again so soon. */
export const IDENTITY_KNOWN_UNKNOWN_MS = 60_000;
export const IDENTITY_UNKNOWN_MAX = 10_000;
/** Policies whose counts are told one by one in metrics; those of the others are one. */
export const POLICIES_TOLD_MAX = 200;
/** Rules and places that the log remembers to have told of. */
export const TOLD_MAX = 1000;
