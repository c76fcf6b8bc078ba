/** What else decides where connections go and how many there may be: shares, tiers and limits in the settings of a service's resources, in words. */
import type { Resource } from '../../../config/api/index.ts';
import { SETTING } from '../../../config/names.ts';
import { DEFAULT_SHARE, shareOf } from '../../../config/service-settings.ts';
import { keyValues } from '../../../site-controller/reconcile/multikeylistener/tiers.ts';

/** @param all of the same place: the shares of connectors of one routing key are to each other */
export function trafficOf(resource: Resource, routingKey: string, all: readonly Resource[]): string[] {
  return [...choiceOf(resource, routingKey), ...sharesOf(resource, all), ...boundsOf(resource)];
}

function choiceOf(resource: Resource, routingKey: string): string[] {
  if (resource.kind !== 'MultiKeyListener') return [];
  const values = keyValues(resource);
  const own = values.find(({ key }) => key === routingKey);
  if (own === undefined) return [];
  const isWeighted = resource.spec.strategy.weighted !== undefined;
  const ranks = [...new Set(values.map(({ value }) => value))].sort((a, b) => b - a);
  const beside = isWeighted ? values : values.filter(({ value }) => value === own.value);
  const weightOf = ({ value, weight = 1 }: (typeof values)[number]) => (isWeighted ? value : weight);
  const total = beside.reduce((sum, each) => sum + weightOf(each), 0);
  const tier = isWeighted || ranks.length < 2 ? '' : `tier ${ranks.indexOf(own.value) + 1} of ${ranks.length}`;
  const share = beside.length < 2 ? '' : `weight ${weightOf(own)} of ${total}`;
  const told = [tier, share].filter(Boolean).join(', ');
  return told === '' ? [] : [`chosen by ${told}`];
}

function sharesOf(resource: Resource, all: readonly Resource[]): string[] {
  if (resource.kind !== 'Connector') return [];
  const { routingKey } = resource.spec;
  const beside = all.flatMap((each) =>
    each.kind === 'Connector' && each.spec.routingKey === routingKey ? [each] : [],
  );
  const shares = beside.map(({ spec }) => shareOf(spec.settings));
  if (shares.every((share) => share === undefined)) return [];
  const total = shares.reduce<number>((sum, share = DEFAULT_SHARE) => sum + share, 0);
  return [
    `share ${shareOf(resource.spec.settings) ?? DEFAULT_SHARE} of ${total} of the connections that the site gets`,
  ];
}

function boundsOf(resource: Resource): string[] {
  if (!(resource.kind === 'Listener' || resource.kind === 'MultiKeyListener' || resource.kind === 'Connector'))
    return [];
  const { settings } = resource.spec;
  const most = Number(settings?.[SETTING.maxConnections] ?? 0);
  const queued = Number(settings?.[SETTING.maxQueuedConnections] ?? 0);
  if (!(most > 0)) return [];
  const wait = queued > 0 ? `; ${queued} more wait` : '';
  const where = resource.kind === 'Connector' ? ' to each server' : '';
  return [`at most ${most} connections at a time${where}, for each router${wait}`];
}
