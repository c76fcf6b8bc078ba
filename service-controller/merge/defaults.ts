/** What a record means that leaves something out. Pure. */
import type { ServiceRecord } from '../records.ts';

export const LOCALITY_DEFAULT = 'local-first';
export const LOCAL_MINIMUM_DEFAULT = 1;
export const PRIORITY_DEFAULT = 0;
export const WEIGHT_DEFAULT = 100;
/** Of Kubernetes. */
const AFFINITY_TIMEOUT_SECONDS_DEFAULT = 10_800;

/** Of a service with affinity to the address of the client. */
export function affinityTimeoutSeconds({ sessionAffinityTimeoutSeconds }: ServiceRecord): number {
  return sessionAffinityTimeoutSeconds ?? AFFINITY_TIMEOUT_SECONDS_DEFAULT;
}
