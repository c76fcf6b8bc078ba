/** The live network as tables: links, services, connections, events. Pure. */
import type { EventView, FlowView, LinkView, NetworkView } from '../../console/model/view.ts';
import { type Column, fittedTable, Layout, wordsIn } from './fit.ts';
import { durationText, plural, sizeText } from './text.ts';

/** Where there is no screen. */
const WHOLE = Number.POSITIVE_INFINITY;

/** A page of `top`. @param now wall-clock milliseconds @param width of the screen */
export function topText(view: NetworkView, now: number, width = WHOLE): string {
  return [headline(view), ...troubleLines(view, now), linkTable(view, now, width), serviceTable(view, width)].join(
    '\n',
  );
}

/** What keeps it from being true, and what is not there any more. */
function troubleLines({ problems, routers, sites }: NetworkView, now: number): string[] {
  const names = siteNames({ sites });
  const gone = routers.flatMap(({ name, site, goneSince }) => {
    if (goneSince === undefined) return [];
    const where = `Router ${name} of site ${names.get(site) ?? site}`;
    return [`! ${where} cannot be reached since ${durationText(now - goneSince)}: what it has does not count\n`];
  });
  const lines = [...problems.map(({ message }) => `! ${message}\n`), ...gone];
  return lines.length === 0 ? [] : [lines.join('')];
}

function headline({ sites, routers, links, services }: NetworkView): string {
  const down = links.filter(({ status }) => status === 'down').length;
  const gone = routers.filter(({ goneSince }) => goneSince !== undefined).length;
  const parts = [
    plural(sites.length, 'site'),
    `${plural(routers.length, 'router')}${gone > 0 ? `, ${gone} gone` : ''}`,
    `${plural(links.length, 'link')}${down > 0 ? `, ${down} down` : ''}`,
    plural(services.length, 'service'),
  ];
  return `${parts.join('   ')}\n`;
}

const LINK_COLUMNS: readonly Column[] = [
  { head: 'LINK', least: 12 },
  { head: 'FROM', least: 8 },
  { head: 'TO', least: 8 },
  { head: 'STATUS' },
  { head: 'COST', givesWay: 2 },
  { head: 'ROUND-TRIP', givesWay: 4 },
  { head: 'SENT', givesWay: 6 },
  { head: 'RECEIVED', givesWay: 5 },
  { head: 'SINCE', givesWay: 3 },
  { head: 'ENDPOINT', givesWay: 1 },
  { head: 'MESSAGE', least: 20 },
];

/** Those that are down come first. */
export function linkTable(view: NetworkView, now: number, width = WHOLE): string {
  if (view.links.length === 0) return 'No links\n';
  const names = siteNames(view);
  const rank = ({ status, octetsPerSecond, octetsBackPerSecond }: LinkView) =>
    status === 'down' ? Number.POSITIVE_INFINITY : octetsPerSecond + octetsBackPerSecond;
  const links = [...view.links].sort((a, b) => rank(b) - rank(a) || (a.name < b.name ? -1 : 1));
  const rows = links.map((link) => [
    link.name,
    names.get(link.fromSite) ?? link.fromSite,
    names.get(link.toSite) ?? '-',
    link.status,
    link.cost,
    link.roundTripMs === undefined ? '-' : `${link.roundTripMs} ms`,
    `${sizeText(link.octetsPerSecond)}/s`,
    `${sizeText(link.octetsBackPerSecond)}/s`,
    link.statusSince === 0 ? '-' : durationText(now - link.statusSince),
    link.endpoint,
    link.message,
  ]);
  return fittedTable(LINK_COLUMNS, rows, width);
}

const SERVICE_COLUMNS: readonly Column[] = [
  { head: 'SERVICE', least: 12 },
  { head: 'LISTENERS', givesWay: 2 },
  { head: 'CONNECTORS' },
  { head: 'OPEN' },
  { head: 'OPENED', givesWay: 1 },
  { head: 'REFUSED' },
  { head: 'NEW', givesWay: 3 },
  { head: 'TRAFFIC' },
];

export function serviceTable({ services }: NetworkView, width = WHOLE): string {
  if (services.length === 0) return 'No services\n';
  const busiest = [...services].sort(
    (a, b) => b.octetsPerSecond - a.octetsPerSecond || (a.address < b.address ? -1 : 1),
  );
  const rows = busiest.map((service) => [
    service.address,
    service.listenerCount,
    service.connectorCount,
    service.flowsOpen,
    service.flowsOpened,
    service.flowsRefused,
    `${service.flowsPerSecond}/s`,
    `${sizeText(service.octetsPerSecond)}/s`,
  ]);
  return fittedTable(SERVICE_COLUMNS, rows, width);
}

const FLOW_COLUMNS: readonly Column[] = [
  { head: 'TIME', width: 8, givesWay: 5 },
  { head: 'STATE', width: 7 },
  { head: 'SERVICE', width: 20, least: 12 },
  { head: 'FROM', width: 12, least: 8 },
  { head: 'CLIENT', width: 21, least: 17, givesWay: 6 },
  { head: 'TO', width: 12, least: 8 },
  { head: 'SERVER', width: 21, least: 17, givesWay: 1 },
  { head: 'SENT', width: 10, givesWay: 4 },
  { head: 'RECEIVED', width: 10, givesWay: 3 },
  { head: 'LASTED', width: 8, givesWay: 2 },
];

/** Lines in columns that do not depend on what comes later. */
export class FlowLines {
  private readonly layout: Layout;
  private readonly width: number;

  constructor(width = WHOLE) {
    this.layout = new Layout(FLOW_COLUMNS, width, 2);
    this.width = width;
  }

  get heads(): string {
    return this.layout.heads;
  }

  line(flow: FlowView, names: (site: string) => string): string {
    const { state, endedAt, startedAt, reason } = flow;
    const line = this.layout.line([
      timeText(endedAt ?? startedAt),
      state,
      flow.address || '-',
      names(flow.fromSite) || '-',
      flow.client || '-',
      names(flow.toSite) || '-',
      flow.server || '-',
      sizeText(flow.octets),
      sizeText(flow.octetsBack),
      endedAt === undefined ? '' : lastedText(endedAt - startedAt),
    ]);
    if (reason === undefined) return line;
    const whole = `${line}   ${reason}`;
    return whole.length <= this.width ? whole : [line, ...below(reason, this.width)].join('\n');
  }
}

export function flowTable(flows: readonly FlowView[], names: (site: string) => string, width = WHOLE): string {
  const lines = new FlowLines(width);
  return [lines.heads, ...flows.map((flow) => lines.line(flow, names))].map((line) => `${line}\n`).join('');
}

const INDENT = 4;

function below(text: string, width: number): string[] {
  return wordsIn(text, Math.max(1, width - INDENT)).map((line) => ' '.repeat(INDENT) + line);
}

export class EventLines {
  private readonly layout: Layout;

  constructor(width = WHOLE) {
    const columns: readonly Column[] = [
      { head: 'TIME', width: 19 },
      { head: 'SEVERITY', width: 8, givesWay: 2 },
      { head: 'EVENT', width: 22, givesWay: 1 },
      { head: 'MESSAGE', width, least: 40, goesOn: true },
    ];
    this.layout = new Layout(columns, width, 3);
  }

  get heads(): string {
    return this.layout.heads;
  }

  line({ at, severity, type, message, count }: EventView): string {
    const times = count > 1 ? ` (${count} times)` : '';
    return this.layout.line([dateText(at), severity, type, message + times]);
  }
}

export function siteNames({ sites }: Pick<NetworkView, 'sites'>): Map<string, string> {
  return new Map(sites.map(({ id, name }) => [id, name]));
}

function lastedText(ms: number): string {
  return ms < 10_000 ? `${Math.max(0, Math.round(ms))} ms` : durationText(ms);
}

/** Of this machine's clock, as people read it. */
function timeText(at: number): string {
  return dateText(at).slice(11);
}

function dateText(at: number): string {
  const date = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 19).replace('T', ' ');
}
