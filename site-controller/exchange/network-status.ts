/**
 * Sites as one JSON document in the shape that Skupper's tools read (control-plane reference 4.8), and back. Pure.
 *
 * Members of our own are additions: services, the direction, site and message of links, names and roles of access. A site's
 * listeners and connectors are those of each of its routers; they are told once, with the first.
 */
import { checkOf, choice, type Static, Type } from '../../lib/shape.ts';
import type { EndpointRecord, LinkRecord, RouterRecord, SiteContent } from './record.ts';

const Text = Type.String();
const Binding = Type.Object({ name: Text, destHost: Text, destPort: Text, protocol: Text, address: Text });
const Link = Type.Object({
  name: Text,
  linkCost: Type.Integer({ minimum: 0 }),
  status: Text,
  role: Text,
  peer: Text,
  direction: choice(['outgoing', 'incoming']),
  remoteSiteId: Text,
  remoteSiteName: Text,
  message: Text,
});
const Access = Type.Object({ identity: Text, name: Text, role: Text });
const RouterStatus = Type.Object({
  router: Type.Object({ name: Text, namespace: Text, mode: Text, imageVersion: Text }),
  links: Type.Array(Link),
  routerAccess: Type.Array(Access),
  listeners: Type.Array(Binding),
  connectors: Type.Array(Binding),
});
const Service = Type.Object({
  address: Text,
  protocol: Text,
  port: Type.Integer(),
  service: Type.Optional(Text),
  podsByName: Type.Optional(Type.Boolean()),
});
const SiteStatus = Type.Object({
  site: Type.Object({
    identity: Text,
    name: Text,
    namespace: Text,
    platform: Text,
    siteVersion: Text,
    asksWorkloads: Type.Optional(Type.Boolean()),
    ca: Type.Optional(Text),
    services: Type.Array(Service),
  }),
  routerStatus: Type.Array(RouterStatus),
  /** Only of a site that has told of no router. */
  listeners: Type.Optional(Type.Array(Binding)),
  connectors: Type.Optional(Type.Array(Binding)),
});
const Address = Type.Object({
  recType: Text,
  identity: Text,
  name: Text,
  protocol: Text,
  listenerCount: Type.Integer(),
  connectorCount: Type.Integer(),
});
const Document = Type.Object({ addresses: Type.Array(Address), siteStatus: Type.Array(SiteStatus) });
const SITES = checkOf(Type.Object({ siteStatus: Type.Array(SiteStatus) }));

export type NetworkStatus = Static<typeof Document>;
type Binding = Static<typeof Binding>;
type SiteStatus = Static<typeof SiteStatus>;

export function networkStatusOf(sites: readonly SiteContent[]): NetworkStatus {
  return { addresses: addresses(sites), siteStatus: sites.map(siteStatus) };
}

/** The sites of a document of ours; undefined for anything else, Skupper's own documents included. */
export function sitesOf(status: unknown): SiteContent[] | undefined {
  return SITES.Check(status) ? status.siteStatus.map(contentOf) : undefined;
}

function addresses(sites: readonly SiteContent[]): NetworkStatus['addresses'] {
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

function siteStatus({ site, routers, listeners, connectors, services }: SiteContent): SiteStatus {
  const ends = { listeners: listeners.map(bindingOf), connectors: connectors.map(bindingOf) };
  return {
    site: {
      identity: site.id,
      name: site.name,
      namespace: site.namespace,
      platform: site.platform,
      siteVersion: site.version,
      ...(site.asksWorkloads && { asksWorkloads: true }),
      ...(site.ca && { ca: site.ca }),
      services,
    },
    routerStatus: routers.map((router, index) => ({
      router: { name: router.id, namespace: site.namespace, mode: modeOf(router), imageVersion: site.version },
      links: router.links.map(linkStatus),
      routerAccess: router.routerAccess.map(({ name, role }) => ({ identity: `${name}-${role}`, name, role })),
      ...(index === 0 ? ends : { listeners: [], connectors: [] }),
    })),
    ...(routers.length === 0 && ends),
  };
}

function modeOf({ links }: RouterRecord): string {
  return links.some(({ role, direction }) => role === 'edge' && direction === 'outgoing') ? 'edge' : 'interior';
}

function linkStatus(link: LinkRecord): Static<typeof Link> {
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

function bindingOf({ name, host, port, routingKey }: EndpointRecord): Binding {
  return { name, destHost: host, destPort: String(port), protocol: 'tcp', address: routingKey };
}

function contentOf({ site, routerStatus, ...alone }: SiteStatus): SiteContent {
  const { listeners = [], connectors = [] } = routerStatus[0] ?? alone;
  return {
    site: {
      id: site.identity,
      name: site.name,
      namespace: site.namespace,
      platform: site.platform,
      version: site.siteVersion,
      ...(site.asksWorkloads && { asksWorkloads: true }),
      ...(site.ca && { ca: site.ca }),
    },
    routers: routerStatus.map(({ router, links, routerAccess }) => ({
      id: router.name,
      links: links.map(linkRecord),
      routerAccess: routerAccess.map(({ name, role }) => ({ name, role })),
    })),
    listeners: listeners.map(endpointOf),
    connectors: connectors.map(endpointOf),
    services: site.services,
  };
}

function linkRecord(link: Static<typeof Link>): LinkRecord {
  return {
    name: link.name,
    role: link.role,
    direction: link.direction,
    cost: link.linkCost,
    operational: link.status === 'up',
    remoteSiteId: link.remoteSiteId,
    remoteSiteName: link.remoteSiteName,
    remoteRouterId: link.peer,
    message: link.message,
  };
}

function endpointOf({ name, destHost, destPort, address }: Binding): EndpointRecord {
  return { name, routingKey: address, host: destHost, port: Number(destPort) };
}
