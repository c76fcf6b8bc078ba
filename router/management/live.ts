/** Which attributes of an entity change in place, and which have it made anew. */
import { isDeepStrictEqual } from 'node:util';
import type { Entity, EntityType } from './schema.ts';

/** Types that are not here are made anew whatever changed. */
const IN_PLACE: Readonly<Partial<Record<EntityType, 'all' | readonly string[]>>> = {
  log: 'all',
  router: 'all',
  network: 'all',
  policy: 'all',
  site: 'all',
  address: 'all',
  sslProfile: 'all',
  proxyProfile: 'all',
  listener: ['cost'],
  connector: ['cost'],
  tcpListener: ['observer', 'siteId', 'sessionAffinity', 'maxConnections'],
  listenerAddress: ['value', 'weight'],
  tcpConnector: [
    'siteId',
    'processId',
    'maxConnections',
    'maxQueuedConnections',
    'connectTimeoutSeconds',
    'healthCheck',
    'healthCheckPath',
    'healthCheckIntervalSeconds',
    'healthCheckTimeoutSeconds',
    'healthyThreshold',
    'unhealthyThreshold',
    'proxyProtocol',
  ],
};

export function changedAttributes(before: Entity, after: Entity): string[] {
  const old: Readonly<Record<string, unknown>> = { ...before };
  return Object.entries(after).flatMap(([name, value]) => (isDeepStrictEqual(value, old[name]) ? [] : [name]));
}

export function changesInPlace(type: EntityType, changed: readonly string[]): boolean {
  const live = IN_PLACE[type];
  return live === 'all' || changed.every((name) => live?.includes(name));
}
