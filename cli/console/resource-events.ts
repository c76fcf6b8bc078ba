/**
 * What happened to resources, out of what they say of themselves: tokens that were issued and redeemed, and what cannot be done as it was
 * asked for. Of links and services routers tell more, and sooner. Pure.
 */
import type { Resource, ResourceOf } from '../../config/api/index.ts';
import type { PlatformEvent } from '../../console/model/sources.ts';
import { timeOf } from './tokens.ts';

/** @param site id of the site that the resources are of */
export function resourceEvents(resources: readonly Resource[], site: string): PlatformEvent[] {
  return resources.flatMap((resource) => [
    ...tokenEvents(resource, site),
    ...faultEvents(resource, site),
    ...rehearsalEvents(resource, site),
  ]);
}

function tokenEvents(resource: Resource, site: string): PlatformEvent[] {
  const { kind, metadata } = resource;
  const about = { site, object: objectOf(resource), severity: 'info' } as const;
  const createdAt = timeOf(metadata.creationTimestamp);
  if (kind === 'AccessGrant' && createdAt !== undefined) {
    const message = `Token ${metadata.name} was issued`;
    return [{ ...about, key: `issued ${metadata.uid ?? metadata.name}`, at: createdAt, type: 'token-issued', message }];
  }
  if (kind !== 'AccessToken') return [];
  const at = redeemedAt(resource);
  if (at === undefined) return [];
  const message = `Token ${metadata.name} was redeemed at its issuer`;
  return [{ ...about, key: `redeemed ${metadata.uid ?? metadata.name}`, at, type: 'token-redeemed', message }];
}

function redeemedAt({ status }: ResourceOf<'AccessToken'>): number | undefined {
  const redeemed = status?.conditions?.find(({ type }) => type === 'Redeemed');
  return redeemed?.status === 'True' ? timeOf(redeemed.lastTransitionTime) : undefined;
}

/** What works, and a policy in dry run is against. */
function rehearsalEvents(resource: Resource, site: string): PlatformEvent[] {
  const conditions = ('status' in resource && resource.status?.conditions) || [];
  const object = objectOf(resource);
  return conditions.flatMap(({ type, status, reason, message, lastTransitionTime }): PlatformEvent[] => {
    const at = timeOf(lastTransitionTime);
    if (at === undefined || type !== 'Warnings' || status !== 'True' || reason !== 'WouldBeRefused') return [];
    const told = `${object.split('/', 1)[0]}-would-be-refused`;
    return [{ key: `${object} ${type} ${at} ${message}`, at, severity: 'warning', type: told, site, object, message }];
  });
}

/** `Ready` sums the others up; each is told by itself. */
function faultEvents(resource: Resource, site: string): PlatformEvent[] {
  const conditions = ('status' in resource && resource.status?.conditions) || [];
  const object = objectOf(resource);
  return conditions.flatMap(({ type, status, reason, message, lastTransitionTime }): PlatformEvent[] => {
    const at = timeOf(lastTransitionTime);
    if (at === undefined || type === 'Ready' || status === 'True' || reason !== 'Error') return [];
    const key = `${object} ${type} ${at} ${message}`;
    return [{ key, at, severity: 'error', type: `${object.split('/', 1)[0]}-fault`, site, object, message }];
  });
}

/**
 * How often grants were redeemed is a number without times: an event for each time that it is seen to have grown. What was so before the
 * first look is no news.
 */
export class RedemptionWatch {
  readonly #counts = new Map<string, number>();
  readonly #events: PlatformEvent[] = [];

  /** Redemptions since the first look, the latest last. */
  look(grants: readonly ResourceOf<'AccessGrant'>[], site: string, now: number): readonly PlatformEvent[] {
    for (const { metadata, status } of grants) {
      const id = metadata.uid ?? metadata.name;
      const count = status?.redemptions ?? 0;
      const before = this.#counts.get(id) ?? (this.#isFirst ? count : 0);
      this.#counts.set(id, count);
      if (count <= before) continue;
      const message = `Token ${metadata.name} was redeemed by another site`;
      const about = {
        at: now,
        severity: 'info',
        type: 'token-redeemed',
        site,
        object: `token/${metadata.name}`,
      } as const;
      this.#events.push({ ...about, key: `redemption ${id} ${count}`, message });
    }
    this.#isFirst = false;
    this.#events.splice(0, this.#events.length - EVENT_COUNT_MAX);
    return this.#events;
  }

  #isFirst = true;
}

const EVENT_COUNT_MAX = 200;

function objectOf({ kind, metadata }: Resource): string {
  return `${wordFor(kind)}/${metadata.name}`;
}

/** What people call a kind. */
function wordFor(kind: string): string {
  if (kind === 'AccessGrant' || kind === 'AccessToken') return 'token';
  return kind.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}
