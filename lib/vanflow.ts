/**
 * The numbers of Skupper's event protocol (vanflow): kinds of records, attributes, and addresses. Wire reference 10.1, 10.4, 10.5.
 *
 * They are shared by those who tell (routers, site controllers) and those who listen. Encoding and timing are theirs.
 */

export const RECORD_TYPE = {
  site: 0,
  router: 1,
  link: 2,
  controller: 3,
  listener: 4,
  connector: 5,
  process: 7,
  processGroup: 12,
  host: 13,
  log: 14,
  routerAccess: 15,
  transportFlow: 16,
  applicationFlow: 17,
} as const;

export const ATTRIBUTE = {
  type: 0,
  identity: 1,
  parent: 2,
  /** Times are microseconds since 1970. */
  startTime: 3,
  endTime: 4,
  peer: 6,
  process: 7,
  location: 9,
  provider: 10,
  platform: 11,
  namespace: 12,
  mode: 13,
  sourceHost: 14,
  destinationHost: 15,
  protocol: 16,
  sourcePort: 17,
  destinationPort: 18,
  address: 19,
  imageName: 20,
  imageVersion: 21,
  hostname: 22,
  octets: 23,
  /** Microseconds. */
  latency: 24,
  method: 27,
  result: 28,
  reason: 29,
  name: 30,
  trace: 31,
  version: 32,
  linkCost: 33,
  flowCount: 40,
  streamId: 47,
  logSeverity: 48,
  logText: 49,
  linkCount: 52,
  status: 53,
  role: 54,
  upTime: 55,
  downTime: 56,
  downCount: 57,
  octetsReverse: 58,
  connector: 60,
  /** Microseconds. */
  processLatency: 61,
  proxyHost: 62,
  proxyPort: 63,
  errorListenerSide: 64,
  errorConnectorSide: 65,
  tlsOrdinal: 66,
  httpProxy: 67,
} as const;

/** What our routers tell beside these. Whoever does not know a code takes no notice of it. */
export const OWN_ATTRIBUTE = {
  /** Microseconds, of a link. */
  roundTrip: 1000,
  /** Of a listener or connector. */
  flowsOpen: 1001,
  flowsRefused: 1002,
  /** `host:port` that a link uses, or tries now, of the several that it may have. */
  endpoint: 1003,
  /** Of a flow. */
  traceId: 1004,
} as const;

export const LOG_SEVERITY = { debug: 0, info: 1, warning: 2, error: 3, critical: 4 } as const;

/** Where sources of events make themselves known. */
export const BEACON_ADDRESS = 'mc/sfe.all';
/** Source `id` speaks at `mc/sfe.<id>`, its flows and log entries at the same with a suffix. */
export const EVENT_PREFIX = 'mc/sfe.';
export const FLOWS_SUFFIX = '.flows';
export const LOGS_SUFFIX = '.logs';
/** Where a source is asked to tell everything again: `sfe.<id>`. */
export const DIRECT_PREFIX = 'sfe.';
/** Where a router is told what another knows of its flows: `vfcr.<id>`. */
export const CO_RECORD_PREFIX = 'vfcr.';
export const PROTOCOL_VERSION = 1;
