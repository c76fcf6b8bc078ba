/** Which attributes of an entity change in place, and which have it made anew. */
import { isDeepStrictEqual } from 'node:util';
import { CONNECTOR_ATTRIBUTES, LISTENER_ATTRIBUTES } from '../../lib/own-attributes.ts';
import type { Entity, EntityType } from './schema.ts';

/** Types that are not here are made anew whatever changed. */
const IN_PLACE: Readonly<Partial<Record<EntityType, 'all' | readonly string[]>>> = {
  log: 'all',
  router: 'all',
  network: 'all',
  policy: 'all',
  accessPolicy: 'all',
  site: 'all',
  address: 'all',
  sslProfile: 'all',
  proxyProfile: 'all',
  listener: ['cost'],
  connector: ['cost'],
  tcpListener: ['observer', 'siteId', ...Object.keys(LISTENER_ATTRIBUTES)],
  listenerAddress: ['value', 'weight'],
  tcpConnector: ['siteId', 'processId', ...Object.keys(CONNECTOR_ATTRIBUTES)],
};

export function changedAttributes(before: Entity, after: Entity): string[] {
  const old: Readonly<Record<string, unknown>> = { ...before };
  return Object.entries(after).flatMap(([name, value]) => (isDeepStrictEqual(value, old[name]) ? [] : [name]));
}

export function changesInPlace(type: EntityType, changed: readonly string[]): boolean {
  const live = IN_PLACE[type];
  return live === 'all' || changed.every((name) => live?.includes(name));
}
