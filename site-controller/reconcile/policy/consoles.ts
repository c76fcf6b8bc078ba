/**
 * How people come to the console of a site through the network: requests, each of which has to be allowed for that. Pure.
 *
 * A console on the network is a server like any other: a Connector leads to it, and Listeners at this and other sites to that. Those of
 * other sites are known by the name that the console of a cluster has there.
 */
import { NAME } from '../../../config/names.ts';
import { isLoopback } from '../../../lib/address.ts';
import type { PolicyClient, PolicyRequest } from '../../../lib/policy/types.ts';
import type { SiteContent } from '../../exchange/record.ts';
import { parseSelector } from '../connector/selector.ts';
import { CONSOLE_LABELS } from '../site/console.ts';
import type { GovernedService } from './governed.ts';

/** Where the console of a site listens: on this machine, or behind the Service of its namespace. */
export type ConsolePlace = { readonly host: string; readonly port: number } | 'service';

/** Another site, by what of it matters here. */
export interface ConsoleNeighbour {
  readonly id: string;
  readonly name: string;
  readonly listenerKeys: readonly string[];
  /** Routing keys of connectors that lead to its console. */
  readonly consoleKeys: readonly string[];
}

export interface SeenConsoles {
  readonly site: { readonly id: string; readonly name: string; readonly namespace: string };
  /** Of this site; undefined where none is known of. */
  readonly place: ConsolePlace | undefined;
  readonly services: readonly GovernedService[];
  readonly others: readonly ConsoleNeighbour[];
}

/** Where one listens that listens everywhere. */
const ANYWHERE = /^(0\.0\.0\.0|::)$/;

export function consoleRequests({ site, place, services, others }: SeenConsoles): PolicyRequest[] {
  const here: PolicyClient = { siteId: site.id, siteName: site.name, verification: 'local' };
  const own = services.filter((end) => place !== undefined && leadsTo(place, end, site.namespace));
  const keys = new Set([...own.map(({ service }) => service.routingKey), ...others.flatMap((one) => one.consoleKeys)]);
  const listeners = services.filter(({ kind, service }) => kind === 'Listener' && keys.has(service.routingKey));
  const clientsOf = (key: string): PolicyClient[] => {
    const from = others.filter(({ listenerKeys }) => listenerKeys.includes(key));
    const clients = from.map(({ id, name }) => ({ siteId: id, siteName: name, verification: 'path' as const }));
    const isUsedHere = listeners.some(({ service }) => service.routingKey === key);
    return isUsedHere || clients.length === 0 ? [here, ...clients] : clients;
  };
  return [
    ...own.flatMap(({ service }): PolicyRequest[] => [
      { operation: 'Expose', client: { ...here, namespace: service.namespace }, service },
      ...clientsOf(service.routingKey).map((client) => ({ operation: 'Connect' as const, client, service })),
    ]),
    ...listeners.flatMap(({ service }): PolicyRequest[] => [
      { operation: 'Import', client: { ...here, namespace: service.namespace }, service },
      { operation: 'Connect', client: here, service },
    ]),
  ];
}

export function neighbourOf({ site, listeners, connectors }: SiteContent): ConsoleNeighbour {
  const leading = connectors.filter(({ name, host }) => name === NAME.console || isServiceHost(host, site.namespace));
  return {
    id: site.id,
    name: site.name,
    listenerKeys: listeners.map(({ routingKey }) => routingKey),
    consoleKeys: leading.map(({ routingKey }) => routingKey),
  };
}

function leadsTo(place: ConsolePlace, { service, resource }: GovernedService, namespace: string): boolean {
  if (resource.kind !== 'Connector') return false;
  const { host = '', port, selector } = resource.spec;
  if (place !== 'service') {
    return port === place.port && (host === place.host || isLoopback(host) || ANYWHERE.test(place.host));
  }
  // That of a ServiceExport is called like the service.
  if (service.name === NAME.console || isServiceHost(host, namespace)) return true;
  if (!selector) return false;
  const parsed = parseSelector(selector);
  return 'matches' in parsed && parsed.matches(CONSOLE_LABELS);
}

/** `skuprt-console`, `skuprt-console.shop`, `skuprt-console.shop.svc.cluster.local`. */
function isServiceHost(host: string, namespace: string): boolean {
  const [service, of = namespace] = host.split('.');
  return service === NAME.console && of === namespace;
}
