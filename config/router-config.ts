/**
 * The ConfigMap by which a site tells a group of its routers what to be (label `ROUTER_CONFIG_LABEL`, named `NAME.router` for the first
 * group), as far as others read it: which port each tcpListener has. Pure. Control-plane reference 4.2.
 *
 * Names of tcpListeners are those that Skupper gives them.
 */

import { packedText, unpackedText } from '../lib/packed-text.ts';
import { isRecord } from '../lib/shape.ts';
import { CONFIG_KEY } from './names.ts';

/** A text is packed above. Skupper's tools read only plain ones, and a ConfigMap holds 1 MiB of all of its texts. */
const PLAIN_LENGTH_MAX = 256 * 1024;

/** An entity with a port, as somebody wrote it. */
export interface PortEntry {
  type: string;
  name: string;
  /** NaN where it is no number. */
  port: number;
}

/** Of the tcpListener of a Listener or a MultiKeyListener. */
export function entityName({ kind, metadata }: { kind: string; metadata: { name: string } }): string {
  return kind === 'Listener' ? `listener/${metadata.name}` : `multiAddress/${metadata.name}`;
}

/** Of the tcpListener of one pod that a Listener offers under the pod's own name. */
export function podEntityName(listener: string, pod: string): string {
  return `listener/${listener}@${pod}`;
}

/** `backend` of `listener/backend`, `connector/backend@10.1.0.7` and the like; any other name as it is. */
export function resourceNameOf(entity: string): string {
  return /^(?:listener|multiAddress|connector)\/([^@]+)/.exec(entity)?.[1] ?? entity;
}

/** Ports of tcpListeners by their names. `data` is that of the ConfigMap, here and below. */
export function listenerPorts(data: unknown): Map<string, number> {
  const entries = portEntries(data).filter(({ type, port }) => type === 'tcpListener' && isPort(port));
  return new Map(entries.map(({ name, port }) => [name, port]));
}

/** As it stands in a ConfigMap: `configText` reads it. */
export function asConfigText(text: string): string {
  return packedText(text, PLAIN_LENGTH_MAX);
}

/** Undefined when there is none, or when it is damaged. */
export function configText(data: unknown, key: string): string | undefined {
  const text = isRecord(data) ? data[key] : undefined;
  return typeof text === 'string' ? unpackedText(text) : undefined;
}

/** Everything that has a port. What cannot be read counts for nothing: somebody may have changed it by hand. */
export function portEntries(data: unknown): PortEntry[] {
  return sectionsOf(data).flatMap(({ type, attributes }) =>
    attributes.port === undefined ? [] : [{ type, name: String(attributes.name), port: Number(attributes.port) }],
  );
}

export interface ConfigSection {
  type: string;
  attributes: Readonly<Record<string, unknown>>;
}

/** Each ConfigMap is read once: caches hand out the same object until it changes. */
const known = new WeakMap<object, readonly ConfigSection[]>();

/** Every section that can be read. */
export function sectionsOf(data: unknown): readonly ConfigSection[] {
  if (!isRecord(data)) return [];
  const sections = known.get(data) ?? readSections(data);
  known.set(data, sections);
  return sections;
}

function readSections(data: Record<string, unknown>): ConfigSection[] {
  let document: unknown;
  try {
    document = JSON.parse(configText(data, CONFIG_KEY.router) ?? '[]');
  } catch {
    return [];
  }
  return (Array.isArray(document) ? document : []).flatMap((entry: unknown) => {
    const [type, attributes]: unknown[] = Array.isArray(entry) ? entry : [];
    return typeof type === 'string' && isRecord(attributes) ? [{ type, attributes }] : [];
  });
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}
