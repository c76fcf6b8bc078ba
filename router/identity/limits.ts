/** Limits of what others may tell of identities. */

/** Octets of a claim's text, and of an introduction's. */
export const CLAIM_BYTES_MAX = 1536;
export const INTRODUCTION_BYTES_MAX = 2048;
/** Of a claim before its signature: labels are left out of one that is longer. */
export const CLAIM_BODY_BYTES_MAX = 1024;
/** Of one name in them: of a router, a site, a pod, a listener. */
export const NAME_LENGTH_MAX = 512;

/** Introductions that are kept; and of those by routers that are not believed, by each connection. */
export const INTRODUCTIONS_MAX = 8192;
export const UNBELIEVED_MAX = 512;

/** An introduction that is not repeated is forgotten; whoever made it repeats it sooner. */
export const INTRODUCTION_LEASE_MS = 300_000;
export const INTRODUCTION_REPEAT_MS = 100_000;
/** For how long a neighbour whose link is lost is still known: it comes back, mostly. */
export const NEIGHBOUR_GRACE_MS = 30_000;

/** A claim is made anew after this, and believed for twice that. */
export const CLAIM_RENEWAL_MS = 300_000;
export const CLAIM_LIFETIME_MS = 600_000;
/** How much clocks of two sites may differ. */
export const CLOCK_TOLERANCE_MS = 300_000;
/** Claims that were judged, the least recent of which is forgotten. */
export const JUDGED_CLAIMS_MAX = 16_384;
/** Of one client: claims for so many addresses. */
export const CLAIMS_PER_CLIENT_MAX = 1024;
