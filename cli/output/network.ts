/** The network as one site sees it, as a picture, a tree and a list of services. Pure: records in, text out. */
import { withPort } from '../../lib/address.ts';
import { cleanText } from '../../lib/text.ts';
import type { EndpointRecord, LinkRecord, SiteContent } from '../../site-controller/exchange/record.ts';
import { table } from './table.ts';

export interface NetworkView {
  /** The site that says so. */
  localSiteId: string;
  sites: readonly SiteContent[];
}

/** One end of a service, with the site it is at. */
export interface ServiceEnd {
  site: string;
  name: string;
  host: string;
  port: number;
}

export interface ServiceView {
  address: string;
  listeners: ServiceEnd[];
  connectors: ServiceEnd[];
  /** Where a client at this site connects to: host:port. */
  here: string[];
}

/** Every service that some site listens for, connects to or makes known, by address. */
export function servicesOf(view: NetworkView): ServiceView[] {
  const services = new Map<string, ServiceView>();
  const at = (address: string): ServiceView => {
    const found = services.get(address) ?? { address, listeners: [], connectors: [], here: [] };
    services.set(address, found);
    return found;
  };
  for (const { site, listeners, connectors, services: advertised } of sortedSites(view)) {
    for (const { address } of advertised) at(address);
    for (const listener of listeners) {
      const service = at(listener.routingKey);
      service.listeners.push(endOf(site.name, listener));
      if (site.id === view.localSiteId) service.here.push(clientAddress(listener));
    }
    for (const connector of connectors) at(connector.routingKey).connectors.push(endOf(site.name, connector));
  }
  return [...services.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}

export function serviceTable(services: readonly ServiceView[], wide: boolean): string {
  const heads = ['ADDRESS', 'CONNECT-HERE', 'CONNECTORS', 'SITES', ...(wide ? ['LISTENERS'] : [])];
  const ends = (list: readonly ServiceEnd[]) => list.map((end) => `${hostPort(end)} (${end.site})`).join(', ');
  const rows = services.map((service) => {
    const sites = [...new Set([...service.listeners, ...service.connectors].map(({ site }) => site))];
    const row = [service.address, service.here.join(', ') || '-', ends(service.connectors) || '-', sites.join(', ')];
    return wide ? [...row, ends(service.listeners)] : row;
  });
  return table(heads, rows);
}

/** Sites with their links, then services with their ends. */
export function networkTree(view: NetworkView): string {
  const sites = sortedSites(view).map(({ site, routers }): Branch => {
    const here = site.id === view.localSiteId ? ' (this site)' : '';
    return {
      text: `${site.name}${here}  namespace ${site.namespace}, ${site.platform}, version ${site.version}`,
      branches: routers.flatMap(({ links }) => links.map((link) => ({ text: linkText(link) }))),
    };
  });
  const services = servicesOf(view).map(({ address, listeners, connectors }): Branch => {
    const ends = [
      ...listeners.map((end) => ['listener', end] as const),
      ...connectors.map((end) => ['connector', end] as const),
    ];
    return {
      text: address,
      branches: ends.map(([kind, end]) => ({ text: `${kind}  ${hostPort(end)}  at ${end.site}` })),
    };
  });
  return ['Sites\n', ...drawBranches(sites), 'Services\n', ...drawBranches(services)].join('');
}

/**
 * Each link as an arrow from the site that dials to the site that accepts; the two sites of a pair as boxes, where these fit.
 * @param width of the screen
 */
export function networkPicture(view: NetworkView, width = Number.POSITIVE_INFINITY): string {
  const arrows = sortedSites(view).flatMap(({ site, routers }) =>
    routers.flatMap(({ links }) =>
      links.filter(({ direction }) => direction === 'outgoing').map((link) => ({ from: site.name, link })),
    ),
  );
  const [only] = arrows;
  if (only !== undefined && arrows.length === 1 && view.sites.length === 2) {
    const picture = pairPicture(view, only.from, only.link);
    if (picture.split('\n').every((line) => line.length <= width)) return picture;
  }
  return arrows.map(({ from, link }) => `${cleanText(`${from} ${arrow(link)} ${remoteName(link)}`)}\n`).join('');
}

function pairPicture(view: NetworkView, from: string, link: LinkRecord): string {
  const left = box(view, from);
  const right = box(view, remoteName(link));
  const joint = ` ${arrow(link)} `;
  const height = Math.max(left.length, right.length);
  const blank = (lines: readonly string[]) => ' '.repeat(lines[0]!.length);
  const rows = Array.from({ length: height }, (_, i) => {
    const middle = i === 1 ? joint : ' '.repeat(joint.length);
    return `${left[i] ?? blank(left)}${middle}${right[i] ?? ''}`.trimEnd();
  });
  return `${rows.join('\n')}\n`;
}

function box(view: NetworkView, name: string): string[] {
  const content = view.sites.find(({ site }) => site.name === name);
  const lines = [
    `site ${name}`,
    ...(content?.listeners ?? []).map((end) => `client → ${clientAddress(end)} ${end.routingKey}`),
    ...(content?.connectors ?? []).map((end) => `${end.routingKey} → server ${hostPort(end)}`),
  ].map(cleanText);
  const width = Math.max(...lines.map((line) => line.length));
  const rule = '─'.repeat(width + 2);
  return [`┌${rule}┐`, ...lines.map((line) => `│ ${line.padEnd(width)} │`), `└${rule}┘`];
}

function arrow({ cost, operational }: LinkRecord): string {
  return operational ? `── cost ${cost} ──▶` : `╌╌ cost ${cost}, down ╌╌▶`;
}

function linkText(link: LinkRecord): string {
  const state = link.operational ? 'up' : `down${link.message === '' ? '' : `: ${link.message}`}`;
  const [direction, name] = link.direction === 'outgoing' ? ['to', `  ${link.name},`] : ['from', ' '];
  return `link ${direction} ${remoteName(link)}${name} cost ${link.cost}, ${state}`;
}

function remoteName(link: LinkRecord): string {
  return link.remoteSiteName || link.remoteRouterId || 'unknown';
}

interface Branch {
  text: string;
  branches?: readonly Branch[];
}

function drawBranches(branches: readonly Branch[], indent = ''): string[] {
  if (branches.length === 0) return [`${indent}└─ none\n`];
  return branches.flatMap(({ text, branches: inner }, i) => {
    const isLast = i === branches.length - 1;
    const below =
      inner === undefined || inner.length === 0 ? [] : drawBranches(inner, `${indent}${isLast ? '   ' : '│  '}`);
    return [`${indent}${isLast ? '└─' : '├─'} ${cleanText(text)}\n`, ...below];
  });
}

function sortedSites(view: NetworkView): SiteContent[] {
  return [...view.sites].sort((a, b) => (a.site.name < b.site.name ? -1 : a.site.name > b.site.name ? 1 : 0));
}

function endOf(site: string, { name, host, port }: EndpointRecord): ServiceEnd {
  return { site, name, host, port };
}

/** A connector that picks pods has no host. */
function hostPort({ host, port }: { host: string; port: number }): string {
  return withPort(host || 'pods', port);
}

/** A listener on all addresses is reached on this machine by the loopback address. */
function clientAddress({ host, port }: EndpointRecord): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return hostPort({ host: reachable, port });
}
