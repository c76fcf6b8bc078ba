/**
 * Shares of the connectors of one routing key at a site, such as two versions of a service: what each of their tcpConnectors weighs, so
 * that a connector gets its share whatever number of pods it has. Pure.
 */
import { DEFAULT_SHARE, WEIGHT_OF_SHARE } from '../../../config/service-settings.ts';
import type { RouterEntity } from '../observed.ts';
import type { Caller } from './caller.ts';

/** Routing keys with a connector that has a share of its own; of others nobody is told anything, which every router understands. */
export function sharedKeys(callers: readonly Caller[]): ReadonlySet<string> {
  return new Set(callers.filter(({ share }) => share !== undefined).map(({ routingKey }) => routingKey));
}

/** @param entities all of the caller's */
export function withShares(
  entities: RouterEntity[],
  { routingKey, share }: Caller,
  shared: ReadonlySet<string>,
): RouterEntity[] {
  if (!shared.has(routingKey)) return entities;
  const count = entities.filter(([, { address }]) => address === routingKey).length;
  const whole = (share ?? DEFAULT_SHARE) * WEIGHT_OF_SHARE;
  const weight = whole === 0 ? 0 : Math.max(1, Math.round(whole / count));
  return entities.map(([type, attributes]) => [
    type,
    attributes.address === routingKey ? { ...attributes, weight } : attributes,
  ]);
}
