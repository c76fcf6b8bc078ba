/** Limits of a merge. Records are bounded by the exchange; what several of them add up to is bounded here. */

/** Ports of a merged service. Those of older exports come first, so what is cut off is never what runs. */
export const MERGED_PORTS_MAX = 256;
