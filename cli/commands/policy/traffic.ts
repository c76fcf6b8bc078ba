/** What else decides over the connections of a service at a place, by the settings of its resources. */
import type { Resource } from '../../../config/api/index.ts';
import { SETTING } from '../../../config/names.ts';
import { DEFAULT_SHARE, shareOf } from '../../../config/service-settings.ts';
import { type Traffic, trafficLines } from '../../../lib/policy/traffic.ts';
import { keyValues } from '../../../site-controller/reconcile/multikeylistener/tiers.ts';

/** @param all of the same place: the shares of connectors of one routing key are to each other */
export function trafficOf(resource: Resource, routingKey: string, all: readonly Resource[]): string[] {
  const kind = resource.kind === 'Connector' ? 'Connector' : 'Listener';
  return trafficLines(kind, { ...choiceOf(resource), ...sharesOf(resource, all), ...boundsOf(resource) }, routingKey);
}

function choiceOf(resource: Resource): Traffic {
  if (resource.kind !== 'MultiKeyListener') return {};
  const addresses = keyValues(resource).map(({ key, ...rank }) => ({ address: key, ...rank }));
  return { choice: resource.spec.strategy.weighted === undefined ? 'priority' : 'weighted', addresses };
}

function sharesOf(resource: Resource, all: readonly Resource[]): Traffic {
  if (resource.kind !== 'Connector') return {};
  const { routingKey } = resource.spec;
  const beside = all.flatMap((each) =>
    each.kind === 'Connector' && each.spec.routingKey === routingKey ? [each] : [],
  );
  const shares = beside.map(({ spec }) => shareOf(spec.settings));
  if (shares.every((share) => share === undefined)) return {};
  const shareSum = shares.reduce<number>((sum, share = DEFAULT_SHARE) => sum + share, 0);
  return { share: shareOf(resource.spec.settings) ?? DEFAULT_SHARE, shareSum };
}

function boundsOf(resource: Resource): Traffic {
  if (!(resource.kind === 'Listener' || resource.kind === 'MultiKeyListener' || resource.kind === 'Connector'))
    return {};
  const { settings } = resource.spec;
  const maxConnections = Number(settings?.[SETTING.maxConnections] ?? 0);
  return { maxConnections, maxQueuedConnections: Number(settings?.[SETTING.maxQueuedConnections] ?? 0) };
}
