/**
 * The network as one document, in the shape that Skupper's tools read (control-plane reference 4.8); members of our own are
 * additions: the direction, cost and message of links, the site ids. Pure.
 */
import type { Site } from '../../config/api/site.ts';
import type { LinkRecord, RouterRecord, SiteContent } from '../exchange/record.ts';
import type { Observed } from './observed.ts';
import { ownContent } from './own-content.ts';

export function networkStatus(observed: Observed, site: Site): object {
  const sites = [ownContent(observed, site), ...observed.network.sites];
  return { addresses: addresses(sites), siteStatus: sites.map(siteStatus) };
}

function addresses(sites: readonly SiteContent[]): object[] {
  const counts = new Map<string, { listenerCount: number; connectorCount: number }>();
  const countOf = (address: string) => {
    const known = counts.get(address) ?? { listenerCount: 0, connectorCount: 0 };
    counts.set(address, known);
    return known;
  };
  for (const { listeners, connectors } of sites) {
    for (const { routingKey } of listeners) countOf(routingKey).listenerCount += 1;
    for (const { routingKey } of connectors) countOf(routingKey).connectorCount += 1;
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => ({ recType: 'ADDRESS', identity: name, name, protocol: 'tcp', ...count }));
}

function siteStatus({ site, routers, listeners, connectors, services }: SiteContent): object {
  return {
    site: {
      identity: site.id,
      name: site.name,
      namespace: site.namespace,
      platform: site.platform,
      siteVersion: site.version,
      services,
    },
    routerStatus: routers.map((router, index) => ({
      router: { name: router.id, namespace: site.namespace, mode: 'interior', imageVersion: site.version },
      links: router.links.map((link) => linkStatus(link)),
      routerAccess: accessOf(router),
      // A site's listeners and connectors are those of each of its routers; they are told once.
      listeners: index > 0 ? [] : listeners.map((entry) => bindingStatus(entry)),
      connectors: index > 0 ? [] : connectors.map((entry) => bindingStatus(entry)),
    })),
  };
}

function linkStatus(link: LinkRecord): object {
  return {
    name: link.name,
    linkCost: link.cost,
    status: link.operational ? 'up' : 'down',
    role: link.role,
    peer: link.remoteRouterId,
    direction: link.direction,
    remoteSiteId: link.remoteSiteId,
    remoteSiteName: link.remoteSiteName,
    message: link.message,
  };
}

function accessOf({ routerAccess }: RouterRecord): object[] {
  return routerAccess.map(({ name, role }) => ({ identity: `${name}-${role}` }));
}

function bindingStatus(entry: SiteContent['listeners'][number]): object {
  const { name, host, port, routingKey } = entry;
  return { name, destHost: host, destPort: String(port), protocol: 'tcp', address: routingKey };
}
