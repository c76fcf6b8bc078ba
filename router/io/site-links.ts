/**
 * The site links of a router, as metrics tell them: those that are there, and those that connectors are to make.
 *
 * So many and no more are told one by one, since a label is of the peer's choice. Those of this router's own connectors come first: they
 * are what an operator has asked for. The others are one, without a name.
 */
import { isOfRouter } from '../core/inter-edge.ts';
import type { Peer } from '../core/peer.ts';
import type { SiteLinkCounters } from '../telemetry/router-counters.ts';

export const SITE_LINKS_TOLD_MAX = 1000;
/** Of a name that a peer says, characters. */
export const PEER_LABEL_LENGTH_MAX = 256;

/** Connectors of links, by name. */
export type LinkConnectors = ReadonlyMap<string, { readonly entity: { readonly role: string; readonly cost: number } }>;

const ROLES: ReadonlySet<string> = new Set(['inter-router', 'edge', 'inter-edge']);

export function siteLinks(peers: Iterable<Peer>, connectors: LinkConnectors): SiteLinkCounters[] {
  const links = new Map<string, SiteLinkCounters>();
  const dialled = new Set<string>();
  for (const peer of peers) if (ROLES.has(peer.role)) add(links, siteLink(peer));
  for (const { link } of links.values()) dialled.add(link);
  for (const [link, { entity }] of connectors) {
    if (dialled.has(link) || !ROLES.has(entity.role)) continue;
    add(links, { link, peer: '', up: false, cost: entity.cost, octetsIn: 0, octetsOut: 0 });
  }
  return bounded([...links.values()], connectors);
}

/** A link has one connection for a moment more when another takes its place: it is one series all the same. */
function add(links: Map<string, SiteLinkCounters>, made: SiteLinkCounters): void {
  const key = JSON.stringify([made.link, made.peer]);
  const known = links.get(key);
  links.set(key, known === undefined ? made : joined(known, made, known.up || made.up));
}

function bounded(links: SiteLinkCounters[], connectors: LinkConnectors): SiteLinkCounters[] {
  if (links.length <= SITE_LINKS_TOLD_MAX) return links;
  const own = links.filter(({ link }) => connectors.has(link));
  const others = links.filter(({ link }) => !connectors.has(link));
  const [first, ...rest] = [...own, ...others].splice(SITE_LINKS_TOLD_MAX);
  const nameless = rest.reduce((sum, each) => joined(sum, each, sum.up && each.up), first!);
  return [...[...own, ...others].slice(0, SITE_LINKS_TOLD_MAX), { ...nameless, link: '', peer: '' }];
}

function joined(a: SiteLinkCounters, b: SiteLinkCounters, up: boolean): SiteLinkCounters {
  const octets = { octetsIn: a.octetsIn + b.octetsIn, octetsOut: a.octetsOut + b.octetsOut };
  return { ...a, ...octets, up, cost: Math.max(a.cost, b.cost) };
}

/** The octets of a site link are those of all connections of its group. */
function siteLink(peer: Peer): SiteLinkCounters {
  const group = [peer, ...peer.members];
  return {
    link: peer.options.entity,
    peer: peer.containerId.slice(0, PEER_LABEL_LENGTH_MAX),
    up: peer.linked || (isOfRouter(peer) && peer.openedAt !== undefined),
    cost: peer.cost,
    octetsIn: group.reduce((sum, { connection }) => sum + connection.stats.octetsIn, 0),
    octetsOut: group.reduce((sum, { connection }) => sum + connection.stats.octetsOut, 0),
  };
}
