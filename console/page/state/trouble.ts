/** What somebody should look at: links that are down, services that fail their clients, certificates near their end. Pure. */
import type { EventView, LinkView, ServiceView } from '../../model/view.ts';
import type { Network } from './network.ts';

const DAY_MS = 86_400_000;
/** A connection that was refused longer ago is history. */
const LATELY_MS = 600_000;

export interface ServiceTrouble {
  readonly address: string;
  /** `refused` so many connections lately; `unserved`: somebody listens, nobody serves. */
  readonly kind: 'refused' | 'unserved';
  readonly says: string;
}

/** The latest first. */
export function linksDown({ links }: Network): LinkView[] {
  return [...links.values()].filter(({ status }) => status === 'down').sort((a, b) => b.statusSince - a.statusSince);
}

/** Those whose certificate is near its end, the nearest first. */
export function linksExpiring({ links }: Network, now: number): LinkView[] {
  return [...links.values()]
    .filter(({ certificateExpiresAt: at }) => at !== undefined && expiryOf(at, now) !== 'later')
    .sort((a, b) => a.certificateExpiresAt! - b.certificateExpiresAt!);
}

/** By address. */
export function serviceTroubles({ services, events }: Network, now: number): Map<string, ServiceTrouble> {
  const refused = refusedLately(events.values(), now);
  const troubles = [...services.values()].map((service) => troubleOf(service, refused.get(service.address)));
  return new Map(troubles.flatMap((trouble) => (trouble === undefined ? [] : [[trouble.address, trouble]])));
}

export function expiryOf(at: number, now: number): 'now' | 'soon' | 'later' {
  if (at - now < 3 * DAY_MS) return 'now';
  return at - now < 14 * DAY_MS ? 'soon' : 'later';
}

function troubleOf({ address, listenerCount, connectorCount }: ServiceView, refused = 0): ServiceTrouble | undefined {
  if (listenerCount > 0 && connectorCount === 0) return { address, kind: 'unserved', says: 'no connector' };
  return refused > 0 ? { address, kind: 'refused', says: `${refused} refused lately` } : undefined;
}

function refusedLately(events: Iterable<EventView>, now: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { type, object, at, count } of events) {
    if (type !== 'flow-refused' || now - at > LATELY_MS || !object.startsWith('service/')) continue;
    const address = object.slice('service/'.length);
    counts.set(address, (counts.get(address) ?? 0) + count);
  }
  return counts;
}
