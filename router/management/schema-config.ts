/**
 * Entity types that a configuration file may hold, with the names, defaults and flags of skupper-router 3.5
 * (wire reference 9.2). `inert` marks what this router accepts and does not act on: each use is warned about.
 *
 * A pattern here is a check of form only; checks across attributes and entities are in rules.ts.
 */
import { LOG_MODULES } from '../core/log-modules.ts';
import {
  type Attribute,
  choice,
  type EntitySchema,
  flag,
  host,
  integer,
  map,
  port,
  properties,
  seen,
  text,
} from './attributes.ts';
import { ENABLE_FORM } from './log-levels.ts';

export const ROLES = ['normal', 'inter-router', 'route-container', 'edge', 'inter-edge', 'inter-network'] as const;
export const DISTRIBUTIONS = ['multicast', 'closest', 'balanced', 'unavailable'] as const;

/** Only a standalone router may go without an id of its own. */
export const DEFAULT_ROUTER_ID = 'Standalone';

const INERT = [] as const;
const SECONDS = { min: 1, max: 86_400 } as const;
const ORDINAL = { access: 'both', min: 0, max: Number.MAX_SAFE_INTEGER } as const;
const SESSIONS_MAX = 32_768;
const WEIGHT_MAX = 1_000_000;
const QUEUED_CONNECTIONS_MAX = 65_536;
const HTTP_PATH = { pattern: /^\/[\x21-\x7e]{0,1023}$/, words: "a path that begins with '/', without spaces" };
/**
 * skupper-router's own default is 16,384. A peer that may send more sends fewer frames; a read of 64 KiB and its header
 * fit into one. Peers keep their own limit for what we send.
 */
const FRAME_SIZE_BYTES = 68 * 1024;

/** No control or white-space characters, and none of the two that separate parts of internal names. */
const ROUTER_ID = {
  pattern: /^[^\p{C}\p{Z}|$]+$/u,
  words: "an id without control or white-space characters, '|' and '$'",
};
const CONNECTION_COUNT = { pattern: /^(auto|[0-9]{1,2})$/, words: "'auto' or a number from 0 to 99" };

/** Shared by listener and connector. */
const connectionAttributes = {
  port: port({ default: 'amqp' }),
  socketAddressFamily: choice(['IPv4', 'IPv6']),
  role: choice(ROLES, { default: 'normal' }),
  cost: integer({ default: 1, min: 1 }),
  sslProfile: text(),
  saslMechanisms: text(),
  maxFrameSize: integer({ default: FRAME_SIZE_BYTES, min: 512, max: 0x7fff_ffff }),
  maxSessions: integer({ default: SESSIONS_MAX, min: 1, max: SESSIONS_MAX }),
  maxSessionFrames: integer({ min: 0 }),
  idleTimeoutSeconds: integer({ default: 16, min: 0 }),
  stripAnnotations: choice(['in', 'out', 'both', 'no'], { default: 'both' }),
  linkCapacity: integer({ min: 0 }),
  messageLoggingComponents: text({ default: 'none' }),
  policyVhost: text({ inert: INERT }),
  openProperties: properties(),
} as const;

const tcpCounters = {
  connectionsOpened: seen.total,
  connectionsClosed: seen.total,
  bytesIn: seen.total,
  bytesOut: seen.total,
} as const;

/** What it does now, and why it does not; beside tcpListener this is ours. */
const health = {
  operStatus: seen.choice(['up', 'down']),
  connectionMsg: seen.text,
} as const;

/** Ours, all of them: what a tcpConnector's backend is spared, how it is watched, and what it is told. */
const backendAttributes = {
  /** At a time; 0 for no limit. */
  maxConnections: integer({ default: 0, min: 0 }),
  /** Of those beyond it. */
  maxQueuedConnections: integer({ default: 0, min: 0, max: QUEUED_CONNECTIONS_MAX }),
  connectTimeoutSeconds: integer({ default: 10, min: 1, max: 300 }),
  healthCheck: choice(['none', 'tcp', 'http'], { default: 'none' }),
  healthCheckPath: text({ default: '/', form: HTTP_PATH }),
  healthCheckIntervalSeconds: integer({ default: 5, min: 1, max: 3600 }),
  healthCheckTimeoutSeconds: integer({ default: 2, min: 1, max: 300 }),
  healthyThreshold: integer({ default: 2, min: 1, max: 100 }),
  unhealthyThreshold: integer({ default: 3, min: 1, max: 100 }),
  /** Whose each connection is, before its first octet. */
  proxyProtocol: choice(['none', 'v1', 'v2'], { default: 'none' }),
  /** Share among the tcpConnectors of its address here; it counts once they differ. */
  weight: integer({ default: 100, min: 0, max: WEIGHT_MAX }),
} as const;

/** Ours: what access policies know the service by; its own name, no namespace and no labels where nothing is said. */
const policyAttributes = {
  policyService: text(),
  policyNamespace: text(),
  /** `k=v,k=v` */
  policyLabels: text(),
} as const;

/** Attributes that UPDATE may change too: in place, or by making the entity anew. */
function changeable<A extends Record<string, Attribute>>(attributes: A): A {
  const each = Object.entries(attributes).map(([name, attribute]) => [
    name,
    attribute.access === 'create' ? { ...attribute, access: 'both' } : attribute,
  ]);
  return Object.fromEntries(each) as A;
}

const CREATE_DELETE = ['CREATE', 'DELETE'] as const;
const CREATE_UPDATE_DELETE = ['CREATE', 'UPDATE', 'DELETE'] as const;

/** In the order in which entities are created: what is referred to comes before what refers to it. */
export const CONFIG_ENTITIES = {
  log: {
    operations: ['UPDATE'],
    attributes: {
      module: choice(LOG_MODULES, { required: true }),
      enable: text({ access: 'update', form: ENABLE_FORM }),
      includeTimestamp: flag({ access: 'update' }),
      includeSource: flag({ access: 'update', inert: [false] }),
      outputFile: text({ access: 'update' }),
    },
  },
  router: {
    singleton: true,
    operations: ['UPDATE'],
    attributes: {
      id: text({ default: DEFAULT_ROUTER_ID, form: ROUTER_ID }),
      vanId: text(),
      mode: choice(['standalone', 'interior', 'edge'], { default: 'standalone' }),
      area: seen.text,
      version: seen.text,
      hostName: seen.text,
      helloIntervalSeconds: integer({ default: 1, access: 'both', ...SECONDS }),
      helloMaxAgeSeconds: integer({ default: 3, access: 'both', ...SECONDS }),
      raIntervalSeconds: integer({ default: 30, access: 'both', ...SECONDS }),
      raIntervalFluxSeconds: integer({ default: 4, access: 'both', ...SECONDS }),
      remoteLsMaxAgeSeconds: integer({ default: 60, access: 'both', ...SECONDS }),
      unreachableHoldoffSeconds: integer({ default: 1, access: 'both', ...SECONDS }),
      workerThreads: integer({ default: 4, min: 1, inert: INERT }),
      debugDumpFile: text({ inert: INERT, known: 'path' }),
      saslConfigDir: text({ known: 'path' }),
      saslConfigName: text({ default: 'skrouterd' }),
      timestampsInUTC: flag(),
      timestampFormat: text(),
      defaultDistribution: choice(DISTRIBUTIONS, { default: 'balanced', access: 'both' }),
      metadata: text({ access: 'both' }),
      /** Ours: by which the site is called among others, and the namespace that it is of. */
      siteName: text({ access: 'both' }),
      siteNamespace: text({ access: 'both' }),
      dataConnectionCount: text({ default: 'auto', access: 'both', form: CONNECTION_COUNT }),
      dropTcpConnections: flag({ default: true, access: 'both' }),
      adminStatus: choice(['enabled', 'draining'], { default: 'enabled', access: 'both' }),
      operStatus: seen.choice(['up', 'draining', 'drained']),
    },
  },
  network: {
    singleton: true,
    operations: ['UPDATE'],
    attributes: { networkId: text({ access: 'both', inert: INERT }), tenantId: text({ inert: INERT }) },
  },
  policy: {
    singleton: true,
    operations: [],
    attributes: {
      maxConnections: integer({ default: 65_535, min: 0 }),
      maxMessageSize: integer({ default: 0, min: 0, inert: INERT }),
      enableVhostPolicy: flag({ default: false }),
      enableVhostNamePatterns: flag({ default: false, inert: INERT }),
      policyDir: text({ default: '', inert: INERT, known: 'path' }),
      defaultVhost: text({ default: '$default', inert: INERT }),
      connectionsProcessed: seen.total,
      connectionsDenied: seen.total,
      connectionsCurrent: seen.total,
      linksDenied: seen.total,
      maxMessageSizeDenied: seen.total,
      totalDenials: seen.total,
    },
  },
  /** Ours: who may use what; its name is `ClusterAccessPolicy/NAME` or `AccessPolicy/NAMESPACE/NAME`. */
  accessPolicy: {
    operations: ['CREATE', 'UPDATE', 'DELETE', 'EXPLAIN'],
    attributes: {
      /** JSON, as the resource has it. */
      spec: text({ required: true, access: 'both' }),
      connectionsRefused: seen.total,
      connectionsWouldBeRefused: seen.total,
      connectionsLimited: seen.total,
      connectionsWaited: seen.total,
      connectionsWaiting: seen.total,
      connectionsWithinLimits: seen.total,
    },
  },
  site: {
    operations: CREATE_UPDATE_DELETE,
    attributes: changeable({
      location: text(),
      provider: text(),
      version: text(),
      platform: text(),
      namespace: text(),
    }),
  },
  sslProfile: {
    operations: CREATE_UPDATE_DELETE,
    attributes: {
      ciphers: text({ access: 'both' }),
      protocols: text({ access: 'both' }),
      caCertFile: text({ access: 'both', known: 'path' }),
      certFile: text({ access: 'both', known: 'path' }),
      privateKeyFile: text({ access: 'both', known: 'path' }),
      password: text({ access: 'both', hidden: true }),
      uidFormat: text(),
      uidNameMappingFile: text(),
      ordinal: integer(ORDINAL),
      oldestValidOrdinal: integer(ORDINAL),
    },
  },
  proxyProfile: {
    operations: CREATE_UPDATE_DELETE,
    attributes: {
      host: host({ required: true, access: 'both' }),
      port: port({ required: true, access: 'both' }),
      username: text({ access: 'both' }),
      password: text({ access: 'both', hidden: true }),
    },
  },
  address: {
    operations: CREATE_UPDATE_DELETE,
    columns: ['name', 'identity', 'type', 'prefix', 'distribution', 'pattern', 'priority'],
    attributes: changeable({
      prefix: text(),
      pattern: text(),
      distribution: choice(DISTRIBUTIONS, { default: 'balanced' }),
      /** -1 is none, and shown so. */
      priority: integer({ min: -1, max: 9 }),
    }),
  },
  autoLink: {
    inert: 'route containers are not supported',
    operations: CREATE_DELETE,
    columns: [
      'name',
      'identity',
      'type',
      'address',
      'direction',
      'connection',
      'containerId',
      'externalAddress',
      'linkRef',
      'operStatus',
      'lastError',
    ],
    attributes: {
      address: text(),
      direction: choice(['in', 'out'], { required: true }),
      containerId: text(),
      connection: text(),
      externalAddress: text(),
      linkRef: seen.text,
      operStatus: seen.choice(['inactive', 'attaching', 'failed', 'active', 'quiescing', 'idle']),
      lastError: seen.text,
    },
  },
  vhost: {
    inert: 'policies of virtual hosts are not enforced',
    operations: CREATE_UPDATE_DELETE,
    attributes: {
      hostname: text({ required: true }),
      aliases: text({ access: 'both' }),
      maxConnections: integer({ default: 65_535, min: 0, access: 'both' }),
      maxMessageSize: integer({ min: 0 }),
      maxConnectionsPerUser: integer({ default: 65_535, min: 0, access: 'both' }),
      maxConnectionsPerHost: integer({ default: 65_535, min: 0, access: 'both' }),
      allowUnknownUser: flag({ default: false, access: 'both' }),
      groups: map({ access: 'both' }),
    },
  },
  listener: {
    operations: CREATE_UPDATE_DELETE,
    attributes: changeable({
      host: host({ default: '' }),
      ...connectionAttributes,
      authenticatePeer: flag({ default: false }),
      requireEncryption: flag({ default: false }),
      requireSsl: flag({ default: false }),
      initialHandshakeTimeoutSeconds: integer({ default: 0, min: 0, max: 2_000_000 }),
      failoverUrls: text(),
      healthz: flag({ default: true }),
      metrics: flag({ default: true }),
      websockets: flag({ default: true }),
      http: flag({ default: false }),
      httpRootDir: text({ known: 'path' }),
      ...health,
    }),
  },
  connector: {
    operations: CREATE_UPDATE_DELETE,
    attributes: changeable({
      host: host({ default: '127.0.0.1' }),
      ...connectionAttributes,
      /** Ours: further places of the same other end, tried in turn. */
      endpoints: text(),
      proxyProfile: text(),
      allowRedirect: flag({ default: true }),
      verifyHostname: flag({ default: true }),
      saslUsername: text(),
      saslPassword: text({ hidden: true }),
      failoverUrls: seen.text,
      connectionStatus: seen.text,
      connectionMsg: seen.text,
    }),
  },
  tcpListener: {
    operations: CREATE_UPDATE_DELETE,
    attributes: changeable({
      address: text(),
      host: host({ default: '' }),
      backlog: integer({ default: 0, min: 0 }),
      port: port({ required: true }),
      multiAddressStrategy: choice(['none', 'priority', 'weighted'], { default: 'none' }),
      /** Ours: whether the connections of one client stay together. */
      sessionAffinity: choice(['none', 'clientIP'], { default: 'none' }),
      siteId: text(),
      sslProfile: text(),
      authenticatePeer: flag({ default: false }),
      observer: choice(['none', 'auto', 'http1', 'http2'], { default: 'auto' }),
      /** Ours: connections at a time, 0 for no limit. */
      maxConnections: integer({ default: 0, min: 0 }),
      /** Ours: whether each connection begins with a header of a load balancer, in version 1 or 2. */
      proxyProtocol: choice(['none', 'required'], { default: 'none' }),
      ...policyAttributes,
      ...tcpCounters,
      ...health,
    }),
  },
  tcpConnector: {
    operations: CREATE_UPDATE_DELETE,
    attributes: changeable({
      address: text({ required: true }),
      host: host({ default: '127.0.0.1' }),
      port: port({ required: true }),
      siteId: text(),
      processId: text(),
      sslProfile: text(),
      verifyHostname: flag({ default: true }),
      ...backendAttributes,
      ...policyAttributes,
      ...tcpCounters,
      ...health,
    }),
  },
  listenerAddress: {
    operations: CREATE_UPDATE_DELETE,
    attributes: changeable({
      address: text({ required: true }),
      value: integer({ required: true, min: 0 }),
      /** Ours: the share of connections among addresses of the same value, with strategy `priority`. */
      weight: integer({ min: 1, max: WEIGHT_MAX }),
      listener: text({ required: true }),
      connectionsOpened: seen.total,
    }),
  },
} as const satisfies Record<string, EntitySchema>;
