/**
 * What the numbers and the health check of a service's settings may be: read by those who act on settings, and by the command line, whose
 * help loads nothing more.
 */

/** Both included. Times in seconds. */
export const SERVICE_BOUNDS = {
  maxConnections: [0, 999_999_999],
  maxQueuedConnections: [0, 65_536],
  connectTimeoutSeconds: [1, 300],
  healthCheckIntervalSeconds: [1, 3600],
  healthCheckTimeoutSeconds: [1, 300],
  healthyThreshold: [1, 100],
  unhealthyThreshold: [1, 100],
  share: [0, 1000],
} as const satisfies Record<string, readonly [least: number, most: number]>;

/** `http` or `http:/PATH`; the path is the first group. */
export const HTTP_HEALTH_CHECK = /^http(?::(\/[\x21-\x7e]{0,1023}))?$/;
