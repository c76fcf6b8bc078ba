/**
 * The ConfigMap of a router, read: the router's configuration as entities, and what the adaptor itself is to know. Pure.
 *
 * Nothing half: a ConfigMap with a fault gives an error that names all of them, and the former configuration stays.
 */
import { CONFIG_KEY, ROUTER_FILES } from '../../config/names.ts';
import { configText } from '../../config/router-config.ts';
import { messageOf } from '../../lib/errors.ts';
import { type AdaptorConfig, AdaptorConfigError, parseAdaptorConfig } from './config.ts';
import { type AttributeValue, type ConfigType, isManagedType, nameOf, START_TYPES } from './entity-types.ts';
import type { WantedEntity } from './router-diff.ts';

/** In the id of the router: one ConfigMap serves every pod that its Deployment makes. */
const POD_PLACEHOLDER = /\$\{HOSTNAME\}/g;
/** Hosts that mean this machine, or all of it. */
const OWN_HOSTS = new Set(['', '0.0.0.0', '::', 'localhost']);

/** Where this pod, or this process of a host, differs from what the ConfigMap was written for. */
export interface Place {
  /** For `${HOSTNAME}`. */
  pod: string;
  certs: string;
  proxies: string;
  /** What listeners bind to instead of every interface. */
  bind: string | undefined;
}

export interface Wanted {
  /** All entities, those that only a start reads included, in the order of the file. */
  sections: readonly Section[];
  /** Those that management brings about. */
  entities: readonly WantedEntity[];
  config: AdaptorConfig;
  /** What this site tells the others, as text. */
  siteContent: string | undefined;
}

export interface Section {
  type: ConfigType;
  name: string;
  attributes: Readonly<Record<string, AttributeValue>>;
}

/** @throws AdaptorConfigError */
export function parseWanted(data: Readonly<Record<string, string>> | undefined, place: Place): Wanted {
  const text = configText(data, CONFIG_KEY.router);
  if (text === undefined) throw new AdaptorConfigError(`the ConfigMap has no ${CONFIG_KEY.router} that can be read`);
  const sections = parseSections(text.replaceAll(POD_PLACEHOLDER, place.pod)).map((section) => placed(section, place));
  return {
    sections,
    entities: sections.filter((section): section is WantedEntity => isManagedType(section.type)),
    config: parseAdaptorConfig(data?.[CONFIG_KEY.adaptor]),
    siteContent: configText(data, CONFIG_KEY.site),
  };
}

/** The file that a router starts with. */
export function renderSections(sections: readonly Section[]): string {
  const lines = sections.map(({ type, attributes }) => `  ${JSON.stringify([type, attributes])}`);
  return `[\n${lines.join(',\n')}\n]\n`;
}

function parseSections(text: string): Section[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new AdaptorConfigError(`${CONFIG_KEY.router} is not JSON: ${messageOf(cause)}`, { cause });
  }
  if (!Array.isArray(document)) throw new AdaptorConfigError(`${CONFIG_KEY.router} is not a list of sections`);
  const faults: string[] = [];
  const sections = document.flatMap((entry, index) => {
    const section = sectionOf(entry);
    if (typeof section === 'string') faults.push(`section ${index}: ${section}`);
    return typeof section === 'string' ? [] : [section];
  });
  const seen = new Set<string>();
  for (const { type, name } of sections) {
    const key = `${type} '${name}'`;
    if (seen.has(key)) faults.push(`${key} is there twice`);
    seen.add(key);
  }
  if (!sections.some(({ type }) => type === 'router')) faults.push('there is no router');
  if (faults.length > 0) throw new AdaptorConfigError(`${CONFIG_KEY.router}: ${faults.join('; ')}`);
  return sections;
}

/** A section, or what is wrong with it. */
function sectionOf(entry: unknown): Section | string {
  if (!Array.isArray(entry) || entry.length !== 2) return 'not a pair of type and attributes';
  const [type, attributes] = entry;
  if (typeof type !== 'string' || !isConfigType(type)) return `of an unknown type ${JSON.stringify(type)}`;
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    return `${type}: the attributes are not an object`;
  }
  const given = Object.entries(attributes as Record<string, AttributeValue>).filter(([, value]) => value !== null);
  const wrong = given.find(([, value]) => !isAttributeValue(value));
  if (wrong !== undefined) return `${type}: ${wrong[0]} is not a text, number or boolean`;
  const name = nameOf(type, attributes);
  return name === '' ? `${type} without a name` : { type, name, attributes: Object.fromEntries(given) };
}

function isConfigType(type: string): type is ConfigType {
  return isManagedType(type) || (START_TYPES as readonly string[]).includes(type);
}

function isAttributeValue(value: unknown): value is AttributeValue {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function placed({ type, name, attributes }: Section, { certs, proxies, bind }: Place): Section {
  const moved = Object.entries(attributes).map(([key, value]) => [key, movedPath(value, certs, proxies)] as const);
  const listens = type === 'listener' || type === 'tcpListener';
  const isRebound = listens && bind !== undefined && OWN_HOSTS.has(String(attributes.host ?? ''));
  return { type, name, attributes: { ...Object.fromEntries(moved), ...(isRebound && { host: bind }) } };
}

function movedPath(value: AttributeValue, certs: string, proxies: string): AttributeValue {
  if (typeof value !== 'string') return value;
  return value
    .replace(`${ROUTER_FILES.certs}/`, () => `${certs}/`)
    .replace(`${ROUTER_FILES.proxies}/`, () => `${proxies}/`);
}
