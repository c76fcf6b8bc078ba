/**
 * Settings of Connectors, Listeners and MultiKeyListeners, and annotations of ServiceExports, that routers act on: what they may be, and
 * the attributes of tcpConnector and tcpListener that they become (docs/guide/router.md). Pure.
 *
 * `0` and `none`, which are the router's own defaults, become no attribute: a router that does not know the attribute takes the rest.
 */
import { SETTING } from './names.ts';
import { HTTP_HEALTH_CHECK, SERVICE_BOUNDS } from './service-bounds.ts';

export type ServiceAttributes = Readonly<Record<string, string | number>>;

export interface ServiceSettings {
  attributes: ServiceAttributes;
  /** Of values that cannot be used, which become nothing. */
  faults: SettingFault[];
}

export interface SettingFault {
  key: string;
  value: string;
  /** `is not a whole number from 1 to 300`. */
  what: string;
}

interface Rule {
  key: string;
  /** Attributes of the router; a text says what is wrong. */
  read: (value: string) => ServiceAttributes | string;
}

const PROXY_VERSIONS = ['v1', 'v2'] as const;
const PROXY_REQUIRED = 'required';
/** Of `SETTING.healthCheck` and `SETTING.proxyProtocol`. */
const NONE = 'none';

const NO_ATTRIBUTES: ServiceAttributes = {};

const CONNECTOR_RULES: readonly Rule[] = [
  ...wholes([
    'maxConnections',
    'maxQueuedConnections',
    'connectTimeoutSeconds',
    'healthCheckIntervalSeconds',
    'healthCheckTimeoutSeconds',
    'healthyThreshold',
    'unhealthyThreshold',
  ]),
  { key: SETTING.healthCheck, read: healthCheck },
  { key: SETTING.share, read: share },
  oneOf(SETTING.proxyProtocol, 'proxyProtocol', PROXY_VERSIONS),
];

const LISTENER_RULES: readonly Rule[] = [
  ...wholes(['maxConnections']),
  oneOf(SETTING.proxyProtocol, 'proxyProtocol', [PROXY_REQUIRED]),
];

/** What a connector without a share counts as, beside one that has one; and what one unit of a share weighs at the router. */
export const DEFAULT_SHARE = 100;
export const WEIGHT_OF_SHARE = 1000;

/** Of a tcpConnector. */
export function connectorSettings(settings: Readonly<Record<string, unknown>> | undefined): ServiceSettings {
  return read(CONNECTOR_RULES, settings);
}

/** Of a Connector, from 0 on; undefined when it has none that can be used. What its tcpConnectors weigh depends on those beside it. */
export function shareOf(settings: Readonly<Record<string, unknown>> | undefined): number | undefined {
  const found = wholeOf(String(settings?.[SETTING.share] ?? ''), SERVICE_BOUNDS.share);
  return typeof found === 'number' ? found : undefined;
}

/** Of a tcpListener. */
export function listenerSettings(settings: Readonly<Record<string, unknown>> | undefined): ServiceSettings {
  return read(LISTENER_RULES, settings);
}

/** The usable ones of a Connector's, as they are; `settings` may hold others too. */
export function usableConnectorSettings(
  settings: Readonly<Record<string, unknown>> | undefined,
): Record<string, string> {
  const faulty = new Set(connectorSettings(settings).faults.map(({ key }) => key));
  const given = CONNECTOR_RULES.flatMap(({ key }): [string, string][] => {
    const value = settings?.[key];
    return typeof value === 'string' && value !== '' && !faulty.has(key) ? [[key, value]] : [];
  });
  return Object.fromEntries(given);
}

/** For a condition: the first fault. */
export function settingFault({ faults }: ServiceSettings): string | undefined {
  const [first] = faults;
  return first && `settings.${first.key}: "${first.value}" ${first.what}`;
}

function read(rules: readonly Rule[], settings: Readonly<Record<string, unknown>> | undefined): ServiceSettings {
  let attributes = NO_ATTRIBUTES;
  const faults: SettingFault[] = [];
  for (const { key, read: readValue } of rules) {
    const value = settings?.[key];
    if (value === undefined || value === '') continue;
    const found = readValue(String(value).trim());
    if (typeof found === 'string') faults.push({ key, value: shown(value), what: found });
    else attributes = { ...attributes, ...found };
  }
  return { attributes, faults };
}

function wholes(names: readonly (keyof typeof SERVICE_BOUNDS)[]): Rule[] {
  return names.map((name) => {
    return {
      key: SETTING[name],
      read: (text) => {
        const value = wholeOf(text, SERVICE_BOUNDS[name]);
        if (typeof value === 'string') return value;
        return value === 0 ? NO_ATTRIBUTES : { [name]: value };
      },
    };
  });
}

/** A text says what is wrong. */
function wholeOf(text: string, [least, most]: readonly [least: number, most: number]): number | string {
  const value = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : `is not a whole number from ${least} to ${most}`;
}

/** It becomes an attribute only beside others (`shareOf`). */
function share(text: string): ServiceAttributes | string {
  const value = wholeOf(text, SERVICE_BOUNDS.share);
  return typeof value === 'string' ? value : NO_ATTRIBUTES;
}

function oneOf(key: string, attribute: string, values: readonly string[]): Rule {
  const known = [NONE, ...values];
  return {
    key,
    read: (value) => {
      if (!known.includes(value)) return `is not possible, only ${known.map((one) => `"${one}"`).join(' or ')}`;
      return value === NONE ? NO_ATTRIBUTES : { [attribute]: value };
    },
  };
}

function healthCheck(value: string): ServiceAttributes | string {
  if (value === NONE) return NO_ATTRIBUTES;
  if (value === 'tcp') return { healthCheck: 'tcp' };
  const [whole, path] = HTTP_HEALTH_CHECK.exec(value) ?? [];
  if (whole === undefined) return 'is not "none", "tcp", or "http:" with a path that begins with "/" and has no spaces';
  return path === undefined || path === '/' ? { healthCheck: 'http' } : { healthCheck: 'http', healthCheckPath: path };
}

/** Of a value in a message. */
const SHOWN_LENGTH_MAX = 64;

function shown(value: unknown): string {
  const text = String(value);
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}...` : text;
}
