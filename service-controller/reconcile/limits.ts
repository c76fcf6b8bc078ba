/** Limits of what is made for one service in one cluster, and for how long what is silent counts. */

/** A cluster that fell silent exports what it did for so long. After it nobody knows whether it will ever be back. */
export const RETENTION_MS = 3_600_000;
/** A pod with a name of its own, as those of a StatefulSet have, keeps its address for so long while there is none of that name. */
export const POD_GRACE_MS = 120_000;
/** Pods of a headless service that one cluster offers here: each costs a Service, and a router port for each of its
 * ports; without a hostname twice that where there are two families. */
export const PODS_PER_CLUSTER_MAX = 100;
/** Of all other clusters together, which share them evenly. */
export const PODS_PER_SERVICE_MAX = 1_000;
/** The API server takes so many in one EndpointSlice. */
export const SLICE_ENDPOINTS_MAX = 1_000;
/** Of clusters that an import remembers. */
export const EXPORTERS_MAX = 1_000;
