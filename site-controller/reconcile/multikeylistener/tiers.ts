/**
 * In which order, and in which shares, a MultiKeyListener goes to its routing keys: by its strategy, or by the setting `SETTING.tiers`,
 * a JSON list of objects from routing key to weight. Of tiers the first is used that has a key which can be reached, by weight among
 * those of its keys that can. Pure.
 */
import { type MultiKeyListener, TIER_WEIGHT_MAX } from '../../../config/api/multi-key-listener.ts';
import { SETTING } from '../../../config/names.ts';
import { settingOf } from '../site/identity.ts';

type Spec = Pick<MultiKeyListener, 'spec'>;
type Tiers = Readonly<Record<string, number>>[];

/** A routing key as the router is told of it. */
export interface KeyValue {
  key: string;
  /** The priority, highest first, or the weight of the strategy `weighted`. */
  value: number;
  /** Among keys of the same priority; with tiers only. */
  weight?: number;
}

export function strategyKeys({ spec }: Spec): string[] {
  const { priority, weighted } = spec.strategy;
  return priority?.routingKeys ?? Object.keys(weighted?.routingKeys ?? {});
}

/** In the order of the strategy. Tiers that have a fault count for nothing: see `tiersFault`. */
export function keyValues(listener: Spec): KeyValue[] {
  const keys = strategyKeys(listener);
  const { weighted } = listener.spec.strategy;
  if (weighted !== undefined) return keys.map((key) => ({ key, value: weighted.routingKeys[key]! }));
  const tiers = tiersOf(listener);
  if (tiers === undefined || typeof tiers === 'string') {
    return keys.map((key, index) => ({ key, value: keys.length - 1 - index }));
  }
  return keys.map((key) => {
    const index = tiers.findIndex((tier) => Object.hasOwn(tier, key));
    return { key, value: tiers.length - 1 - index, weight: tiers[index]![key]! };
  });
}

/** Why its tiers cannot be followed. */
export function tiersFault(listener: Spec): string | undefined {
  const tiers = tiersOf(listener);
  return typeof tiers === 'string' ? `settings.${SETTING.tiers}: ${tiers}` : undefined;
}

/** Undefined where there are none; or what is wrong with them. */
function tiersOf(listener: Spec): Tiers | string | undefined {
  const text = settingOf(listener, SETTING.tiers);
  if (text === undefined) return undefined;
  if (listener.spec.strategy.priority === undefined) return 'tiers need spec.strategy.priority';
  let tiers: unknown;
  try {
    tiers = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  return faultOf(tiers, new Set(strategyKeys(listener))) ?? (tiers as Tiers);
}

/** Each key of the strategy stands in one tier. */
function faultOf(tiers: unknown, keys: ReadonlySet<string>): string | undefined {
  if (!Array.isArray(tiers) || tiers.length === 0) return 'is not a list of objects, routing key to weight';
  const seen = new Set<string>();
  for (const [index, tier] of tiers.entries()) {
    const place = `tier ${index + 1}`;
    if (typeof tier !== 'object' || tier === null || Array.isArray(tier)) {
      return `${place} is not an object, routing key to weight`;
    }
    const entries = Object.entries(tier as Record<string, unknown>);
    if (entries.length === 0) return `${place} is empty`;
    for (const [key, weight] of entries) {
      if (!keys.has(key)) return `${place}: "${key}" is not among spec.strategy.priority.routingKeys`;
      if (seen.has(key)) return `${place}: "${key}" stands in two tiers`;
      seen.add(key);
      if (!isWeight(weight))
        return `${place}: the weight of "${key}" is not a whole number from 1 to ${TIER_WEIGHT_MAX}`;
    }
  }
  const missing = [...keys].find((key) => !seen.has(key));
  return missing === undefined ? undefined : `"${missing}" of spec.strategy.priority.routingKeys stands in no tier`;
}

function isWeight(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= TIER_WEIGHT_MAX;
}
