/** The network as records in the status of a Site, which the store bounds. Control-plane reference 1.2, 4.8. Pure. */
import type { SiteRecord } from '../../../config/api/site.ts';
import type { SiteContent } from '../../exchange/record.ts';

/** Leaves room within 512 KiB for the rest of the Site and for its managed fields. */
export const RECORDS_SIZE_BYTES_MAX = 384 * 1024;

/**
 * The own site first. When that is too much, sites lose their services, then their links, those that come last first, and at
 * the end are left out; their number stands in `sitesInNetwork`.
 */
export function siteRecords(
  own: SiteContent,
  others: readonly SiteContent[],
  sizeBytesMax = RECORDS_SIZE_BYTES_MAX,
): SiteRecord[] {
  const whole = [own, ...others].map(siteRecord);
  const bare = whole.map(({ links: _links, services: _services, ...record }) => record);
  const kept = within(bare, sizeBytesMax);
  let left = sizeBytesMax - kept.reduce((sum, record) => sum + sizeOf(record), 0);
  const records: SiteRecord[] = kept.map((record) => ({ ...record }));
  for (const member of ['links', 'services'] as const) {
    for (const [index, record] of records.entries()) {
      const value = whole[index]![member];
      const size = sizeOf({ [member]: value });
      if (size > left) break;
      left -= size;
      Object.assign(record, { [member]: value });
    }
  }
  return records;
}

function within(records: readonly SiteRecord[], sizeBytesMax: number): SiteRecord[] {
  const kept: SiteRecord[] = [];
  let left = sizeBytesMax;
  for (const record of records) {
    left -= sizeOf(record);
    if (left < 0) break;
    kept.push(record);
  }
  return kept;
}

function sizeOf(value: object): number {
  return Buffer.byteLength(JSON.stringify(value)) + 1;
}

/** What its schema knows and nothing else: the API server drops the rest, and what is read back would never be what was written. */
function siteRecord({ site, routers, listeners, connectors }: SiteContent): SiteRecord {
  const { id, name, namespace, platform, version } = site;
  return {
    id,
    name,
    namespace,
    platform,
    version,
    links: routers.flatMap(({ links }) =>
      links.map(({ name, remoteSiteId, remoteSiteName, operational }) => ({
        name,
        remoteSiteId,
        remoteSiteName,
        operational,
      })),
    ),
    services: services(listeners, connectors),
  };
}

function services(
  listeners: SiteContent['listeners'],
  connectors: SiteContent['connectors'],
): NonNullable<SiteRecord['services']> {
  const entries = new Map<string, { routingKey: string; connectors: string[]; listeners: string[] }>();
  const entryOf = (routingKey: string) => {
    const entry = entries.get(routingKey) ?? { routingKey, connectors: [], listeners: [] };
    entries.set(routingKey, entry);
    return entry;
  };
  for (const { routingKey, name } of listeners) entryOf(routingKey).listeners.push(name);
  for (const { routingKey, name } of connectors) entryOf(routingKey).connectors.push(name);
  return [...entries.values()].sort((a, b) => (a.routingKey < b.routingKey ? -1 : 1));
}
