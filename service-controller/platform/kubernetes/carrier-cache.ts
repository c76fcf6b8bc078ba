/**
 * The site that carries the services of this cluster, with its routers: put together from Sites, router pods and the two ConfigMaps by
 * which routers are told and tell. Says which listeners a change concerns, so that a report of one does not wake all services.
 */

import { CONFIG_KEY, NAME } from '../../../config/names.ts';
import { configText } from '../../../config/router-config.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { isDeepEqual } from '../../../lib/kube/subset.ts';
import { decodeReport } from '../../../lib/router-client/report.ts';
import { familyOf } from '../../reconcile/fields.ts';
import type { CarrierView, RouterView } from '../../reconcile/observed.ts';
import type { IpFamily } from '../../records.ts';
import { type CarrierChoice, chooseCarrier } from './carrier.ts';
import type { ServiceSettings } from './settings.ts';
import type { SourceName } from './watched.ts';

export interface Source {
  get(namespace: string | undefined, name: string): KubeObject | undefined;
  list(namespace?: string): Iterable<KubeObject>;
  readonly isPresent: boolean;
}

export type Sources = ReadonlyMap<SourceName, Source>;

/** Names of tcpListeners, or everything. */
export type CarrierChange = 'all' | ReadonlySet<string>;

const NONE: ReadonlySet<string> = new Set();
/** Prefixes of tcpListeners of Listeners and MultiKeyListeners. */
const LISTENER = /^(listener|multiAddress)\//;
const SOURCES: ReadonlySet<SourceName> = new Set(['Site', 'Pod', 'RouterConfig', 'RouterStatus']);

export class CarrierCache {
  private readonly settings: ServiceSettings;
  private readonly sources: Sources;
  private readonly reports = new Map<string, ReadonlySet<string>>();
  private ports: { map: KubeObject | undefined; ports: ReadonlyMap<string, number> } = {
    map: undefined,
    ports: new Map(),
  };
  private choice_: CarrierChoice;
  private view_: CarrierView | undefined;

  constructor({ settings, sources }: { settings: ServiceSettings; sources: Sources }) {
    this.settings = settings;
    this.sources = sources;
    this.choice_ = chooseCarrier([], settings.namespace);
  }

  get choice(): CarrierChoice {
    return this.choice_;
  }

  get view(): CarrierView | undefined {
    return this.view_;
  }

  /** To be called with each change that a reflector tells. */
  changed(name: SourceName, object: KubeObject): CarrierChange {
    if (!SOURCES.has(name)) return NONE;
    const namespace = this.view_?.namespace;
    if (name === 'Site') this.choice_ = chooseCarrier(this.source('Site').list(), this.settings.namespace);
    else if (object.metadata.namespace !== namespace) return NONE;
    const before = this.view_;
    this.view_ = this.look();
    return differences(before, this.view_);
  }

  private look(): CarrierView | undefined {
    const { site } = this.choice_;
    if (site === undefined) return undefined;
    const namespace = site.metadata.namespace ?? '';
    const reports = this.reportsOf(namespace);
    const { routerAddresses } = this.settings;
    const routers =
      routerAddresses.length > 0
        ? this.externalRouters(reports)
        : [...this.podRouters(namespace, reports)].sort(byName);
    return {
      namespace,
      siteId: site.metadata.uid ?? '',
      ipFamilies: familiesOf(routers),
      routers,
      ports: this.portsOf(namespace),
    };
  }

  private *podRouters(namespace: string, reports: ReadonlyMap<string, ReadonlySet<string>>): Iterable<RouterView> {
    for (const { metadata, status } of this.source('Pod').list(namespace)) {
      const { podIP, podIPs, conditions = [] } = (status ?? {}) as PodStatus;
      const ips = (podIPs ?? []).map(({ ip }) => ip);
      if (ips.length === 0 && podIP) ips.push(podIP);
      const isReady = conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
      yield {
        name: metadata.name,
        addresses: ips.flatMap((address) => {
          const family = familyOf(address);
          return family === undefined ? [] : [{ family, address }];
        }),
        isReady: isReady && metadata.deletionTimestamp === undefined,
        listening: reports.get(metadata.name) ?? NONE,
      };
    }
  }

  /** Where others run the routers there are no pods: one router, that listens where any of those that report does. */
  private externalRouters(reports: ReadonlyMap<string, ReadonlySet<string>>): RouterView[] {
    const listening = new Set([...reports.values()].flatMap((names) => [...names]));
    return [{ name: 'router', addresses: this.settings.routerAddresses, isReady: true, listening }];
  }

  private reportsOf(namespace: string): Map<string, ReadonlySet<string>> {
    const data = (this.source('RouterStatus').get(namespace, NAME.routerStatus)?.data ?? {}) as Record<string, string>;
    const found = new Map(Object.entries(data).map(([pod, text]) => [pod, this.listening(text)] as const));
    // Texts repeat until they change; those that are gone are forgotten.
    const texts = new Set(Object.values(data));
    for (const text of [...this.reports.keys()]) if (!texts.has(text)) this.reports.delete(text);
    return found;
  }

  private listening(text: string): ReadonlySet<string> {
    const known = this.reports.get(text) ?? listeningOf(text);
    this.reports.set(text, known);
    return known;
  }

  private portsOf(namespace: string): ReadonlyMap<string, number> {
    const map = this.source('RouterConfig').get(namespace, NAME.router);
    if (map !== this.ports.map) this.ports = { map, ports: portsOf(map) };
    return this.ports.ports;
  }

  private source(name: SourceName): Source {
    return this.sources.get(name)!;
  }
}

interface PodStatus {
  podIP?: string;
  podIPs?: { ip: string }[];
  conditions?: { type: string; status: string }[];
}

/** Names of the tcpListeners that listen, of what a router says. */
function listeningOf(text: string): ReadonlySet<string> {
  const { listeners = new Map() } = decodeReport(text) ?? {};
  const up = [...listeners].filter(([name, { operStatus }]) => operStatus === 'up' && LISTENER.test(name));
  return new Set(up.map(([name]) => name));
}

/** Router ports by the name of the tcpListener, of a router's configuration; none of one that cannot be read. */
function portsOf(map: KubeObject | undefined): ReadonlyMap<string, number> {
  const text = configText(map?.data, CONFIG_KEY.router);
  const ports = new Map<string, number>();
  for (const [type, attributes] of entitiesOf(text)) {
    const { name, port } = (attributes ?? {}) as { name?: unknown; port?: unknown };
    const number = Number(port);
    if (type === 'tcpListener' && typeof name === 'string' && LISTENER.test(name) && Number.isInteger(number))
      ports.set(name, number);
  }
  return ports;
}

function entitiesOf(text: string | undefined): readonly (readonly unknown[])[] {
  try {
    const parsed: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(parsed) ? parsed.filter((entity) => Array.isArray(entity)) : [];
  } catch {
    return [];
  }
}

function familiesOf(routers: readonly RouterView[]): IpFamily[] {
  const found = routers.flatMap(({ addresses }) => addresses.map(({ family }) => family));
  return [...new Set(found)];
}

function differences(before: CarrierView | undefined, after: CarrierView | undefined): CarrierChange {
  if (before === undefined || after === undefined) return before === after ? NONE : 'all';
  const plain = ({ routers, ports: _ports, ...rest }: CarrierView) => ({
    ...rest,
    routers: routers.map(({ listening: _listening, ...router }) => router),
  });
  if (!isDeepEqual(plain(before), plain(after))) return 'all';
  const changed = new Set<string>();
  for (const [index, { listening }] of after.routers.entries()) {
    const was = before.routers[index]!.listening;
    for (const name of listening) if (!was.has(name)) changed.add(name);
    for (const name of was) if (!listening.has(name)) changed.add(name);
  }
  if (before.ports !== after.ports) {
    for (const name of new Set([...before.ports.keys(), ...after.ports.keys()])) {
      if (before.ports.get(name) !== after.ports.get(name)) changed.add(name);
    }
  }
  return changed;
}

function byName(a: RouterView, b: RouterView): number {
  return a.name < b.name ? -1 : 1;
}
