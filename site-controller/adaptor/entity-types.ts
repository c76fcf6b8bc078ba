/**
 * The router's entities that the adaptor brings about: how each is named, in which order they are made, what changes in place
 * and when two values are the same. Wire reference 9.2, control-plane reference 4.6. Pure.
 */
import { CONNECTOR_ATTRIBUTES, LISTENER_ATTRIBUTES } from '../../lib/own-attributes.ts';

export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** In the order in which they are made: what is referred to comes before what refers to it. */
export const MANAGED_TYPES = [
  'log',
  'address',
  'sslProfile',
  'proxyProfile',
  'accessPolicy',
  'tcpListener',
  'listenerAddress',
  'tcpConnector',
  'connector',
  'listener',
] as const;
export type ManagedType = (typeof MANAGED_TYPES)[number];

/** Read by the router at its start only: a change needs a new pod. */
export const START_TYPES = ['router', 'site'] as const;
export type ConfigType = ManagedType | (typeof START_TYPES)[number];

interface TypeRules {
  /** As management knows it. */
  entityType: string;
  /** Attributes that UPDATE may change; another change makes the entity anew. */
  inPlace: readonly string[] | 'all';
  /** What a router shows of an attribute that was not given. Those that are not here have no default that matters. */
  defaults: Attributes;
  /** Attributes that a router never shows. */
  hidden: readonly string[];
}

const connection = { host: '', role: 'normal', cost: 1, sslProfile: '', saslMechanisms: '', idleTimeoutSeconds: 16 };
const tcp = { address: '', host: '', siteId: '', sslProfile: '' };

export const RULES: Readonly<Record<ManagedType, TypeRules>> = {
  log: { entityType: 'log', inPlace: 'all', defaults: {}, hidden: [] },
  address: { entityType: 'router.config.address', inPlace: [], defaults: { distribution: 'balanced' }, hidden: [] },
  sslProfile: {
    entityType: 'sslProfile',
    inPlace: 'all',
    defaults: { caCertFile: '', certFile: '', privateKeyFile: '', ordinal: 0, oldestValidOrdinal: 0 },
    hidden: ['password'],
  },
  proxyProfile: { entityType: 'proxyProfile', inPlace: 'all', defaults: { username: '' }, hidden: ['password'] },
  accessPolicy: { entityType: 'accessPolicy', inPlace: ['spec'], defaults: {}, hidden: [] },
  tcpListener: {
    entityType: 'tcpListener',
    inPlace: ['observer', ...Object.keys(LISTENER_ATTRIBUTES)],
    defaults: {
      ...tcp,
      ...LISTENER_ATTRIBUTES,
      multiAddressStrategy: 'none',
      authenticatePeer: false,
      observer: 'auto',
      proxyProtocol: 'none',
    },
    hidden: [],
  },
  listenerAddress: {
    entityType: 'listenerAddress',
    inPlace: ['value', 'weight'],
    defaults: { weight: 1 },
    hidden: [],
  },
  tcpConnector: {
    entityType: 'tcpConnector',
    // The connections of one that is made anew would end.
    inPlace: Object.keys(CONNECTOR_ATTRIBUTES),
    defaults: { ...tcp, ...CONNECTOR_ATTRIBUTES, host: '127.0.0.1', processId: '', verifyHostname: true },
    hidden: [],
  },
  connector: {
    entityType: 'connector',
    inPlace: ['cost'],
    defaults: { ...connection, host: '127.0.0.1', proxyProfile: '', verifyHostname: true },
    hidden: ['saslPassword'],
  },
  listener: {
    entityType: 'listener',
    inPlace: ['cost'],
    defaults: { ...connection, authenticatePeer: false, requireSsl: false, requireEncryption: false, http: false },
    hidden: [],
  },
};

const BOOLEANS = new Set([
  'allowRedirect',
  'authenticatePeer',
  'healthz',
  'http',
  'metrics',
  'requireEncryption',
  'requireSsl',
  'verifyHostname',
  'websockets',
]);
const TRUE = new Set(['true', 'yes', 'on', '1']);
const PORTS: Readonly<Record<string, string>> = { amqp: '5672', amqps: '5671' };

export function isManagedType(type: string): type is ManagedType {
  return (MANAGED_TYPES as readonly string[]).includes(type);
}

/** What makes an entity unique within its type. */
export function nameOf(type: ConfigType, attributes: Readonly<Record<string, unknown>>): string {
  const { name, prefix, pattern, module } = attributes;
  if (type === 'log') return String(module ?? '');
  if (type === 'address') return String(prefix ?? pattern ?? '');
  return String(name ?? (type === 'router' || type === 'site' ? type : ''));
}

/** Of the router's own making or of other programs: never changed. The connection to the router hangs on `amqp`. */
export function isLeftAlone(type: ConfigType, name: string): boolean {
  if (name.startsWith('auto-mesh')) return true;
  return type === 'listener' && (name === 'amqp' || name.startsWith('@'));
}

/** One text for all ways to write the same value; empty when there is none. */
export function normalized(attribute: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  const text = String(value);
  if (BOOLEANS.has(attribute)) return String(TRUE.has(text.toLowerCase()));
  return attribute === 'port' ? (PORTS[text] ?? text) : text;
}
