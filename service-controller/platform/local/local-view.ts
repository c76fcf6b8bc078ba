/** One look at a local site as the plans of services see a cluster. Holds what was read; decides nothing. Pure. */
import type { Connector } from '../../../config/api/connector.ts';
import { entityName } from '../../../config/router-config.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { RouterState } from '../../../lib/router-client/state.ts';
import { CLUSTER_SET_DEFAULT, derivedName, LABEL, MANAGER, MCS } from '../../names.ts';
import { type ExplainedService, explainObserved, type TestTarget } from '../../reconcile/explain.ts';
import { listenerName } from '../../reconcile/listener/names.ts';
import type { CarrierView, Observed } from '../../reconcile/observed.ts';
import type { ClusterView } from '../../records.ts';
import { importThere, placeOfListener } from './adapt.ts';
import type { Loopback } from './loopback.ts';
import { type OfferedPort, offeredPorts, serviceOf } from './offers.ts';
import type { ServiceFiles } from './service-files.ts';

export interface LocalViewParts {
  clusterId: string;
  site: { id: string; namespace: string };
  files: Pick<ServiceFiles, 'list'>;
  /** Those of the user, and ours. */
  connectors: readonly KubeObject[];
  /** Listeners and MultiKeyListeners. */
  listeners: readonly KubeObject[];
  /** Derived Services of pods of other clusters, by key; they are no files. */
  derived: ReadonlyMap<string, ReadonlyMap<string, KubeObject>>;
  router: RouterState | undefined;
  clusters: readonly ClusterView[];
  heard: ReadonlySet<string>;
  isSettled: boolean;
  hasWaited: boolean;
  startedAt: number;
  loopback: Loopback;
}

const ROUTER_ADDRESS = '127.0.0.1';

export class LocalView {
  private readonly parts: LocalViewParts;
  private readonly carrier: CarrierView;
  private readonly byKey = new Map<string, { connectors: KubeObject[]; listeners: KubeObject[] }>();

  constructor(parts: LocalViewParts) {
    this.parts = parts;
    this.carrier = carrierOf(parts);
    for (const object of [...parts.connectors, ...parts.listeners].filter(isOurs)) {
      const { connectors, listeners } = this.made(keyOf(object));
      // Files of a site do not say it, plans do.
      const within = { ...object, metadata: { ...object.metadata, namespace: parts.site.namespace } };
      (object.kind === 'Connector' ? connectors : listeners).push(within);
    }
  }

  get clusterId(): string {
    return this.parts.clusterId;
  }

  /** Of every service that is exported or imported here, sorted. */
  keys(): string[] {
    const { files, clusters } = this.parts;
    const keys = new Set(this.byKey.keys());
    for (const kind of ['ServiceExport', 'ServiceImport', 'EndpointSlice']) {
      for (const object of files.list(kind)) keys.add(kind === 'EndpointSlice' ? keyOf(object) : nameOf(object));
    }
    for (const { services } of clusters) for (const key of services.keys()) keys.add(key);
    return [...keys].sort();
  }

  offersOf(key: string): OfferedPort[] {
    const { site, connectors } = this.parts;
    const { namespace, name } = splitKey(key);
    return namespace === site.namespace ? offeredPorts(connectors as unknown as Connector[], name) : [];
  }

  /** What was made for the service so far in the files of the site. */
  listenersOf(key: string): readonly KubeObject[] {
    return this.byKey.get(key)?.listeners ?? [];
  }

  /** Files are looked at anew. */
  observe(key: string): Observed {
    const { parts } = this;
    const { namespace, name } = splitKey(key);
    const { files, loopback } = parts;
    const address = loopback.addressOf(derivedName(namespace, name));
    const imported = files.list('ServiceImport').find((object) => nameOf(object) === key);
    const { connectors = [], listeners = [] } = this.byKey.get(key) ?? {};
    return {
      namespace,
      name,
      clusterId: parts.clusterId,
      clusterSet: CLUSTER_SET_DEFAULT,
      properties: {},
      carrier: this.carrier,
      carrierFault: undefined,
      isSettled: parts.isSettled,
      hasWaited: parts.hasWaited,
      startedAt: parts.startedAt,
      clusters: parts.clusters,
      heard: parts.heard,
      hasNamespace: true,
      ...serviceOf({ namespace, name }, this.offersOf(key), address),
      export: files.list('ServiceExport').find((object) => nameOf(object) === key),
      import: imported && importThere(imported, loopback),
      derived: [holderOf(namespace, name, address), ...(parts.derived.get(key)?.values() ?? [])],
      madeSlices: files.list('EndpointSlice').filter((object) => keyOf(object) === key),
      connectors,
      listeners,
    };
  }

  /** Undefined when nothing is known of it. `now`: wall-clock milliseconds. */
  explained(key: string, now: number): ExplainedService | undefined {
    if (!this.keys().includes(key)) return undefined;
    const explained = explainObserved(this.observe(key), now);
    const offers = this.offersOf(key);
    return { ...explained, targets: explained.targets.map((target) => this.targetHere(key, target, offers)) };
  }

  /** Each listener has an address of its own, and a server may have a host name. */
  private targetHere(key: string, target: TestTarget, offers: readonly OfferedPort[]): TestTarget {
    const { cluster, port } = target;
    if (cluster === this.parts.clusterId) {
      const offer = offers.find((offered) => offered.port === port);
      return offer === undefined ? target : { ...target, host: offer.host, hostPort: offer.hostPort };
    }
    const wanted = listenerName(splitKey(key), cluster, port);
    const listener = this.listenersOf(key).find(({ metadata }) => metadata.name === wanted);
    const spec = listener?.spec as { host: string; port: number } | undefined;
    return spec === undefined ? target : { ...target, host: spec.host, hostPort: spec.port };
  }

  private made(key: string): { connectors: KubeObject[]; listeners: KubeObject[] } {
    const known = this.byKey.get(key) ?? { connectors: [], listeners: [] };
    this.byKey.set(key, known);
    return known;
  }
}

function carrierOf({ site, router, listeners, loopback }: LocalViewParts): CarrierView {
  const listening = [...(router?.listeners ?? [])].filter(([, { operStatus }]) => operStatus === 'up');
  return {
    namespace: site.namespace,
    siteId: site.id,
    ipFamilies: ['IPv4'],
    routers: [
      {
        name: 'router',
        addresses: [{ family: 'IPv4', address: ROUTER_ADDRESS }],
        isReady: router !== undefined,
        listening: new Set(listening.map(([name]) => name)),
      },
    ],
    ports: new Map(
      listeners.filter(isOurs).map((object) => [entityName(object), placeOfListener(object, loopback).port]),
    ),
  };
}

/** The derived Service of a service: its address is known beforehand, so nothing has to be made. */
function holderOf(namespace: string, name: string, address: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name: derivedName(namespace, name) },
    spec: { clusterIP: address, clusterIPs: [address], ipFamilies: ['IPv4'] },
  };
}

export function isOurs({ metadata }: KubeObject): boolean {
  return metadata.labels?.[LABEL.managedBy] === MANAGER;
}

export function splitKey(key: string): { namespace: string; name: string } {
  const [namespace, name] = key.split('/') as [string, string];
  return { namespace, name };
}

function nameOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Of what was made for a service. */
function keyOf({ metadata }: KubeObject): string {
  const name = metadata.labels?.[LABEL.service] ?? metadata.labels?.[MCS.serviceNameLabel];
  return `${metadata.labels?.[LABEL.namespace] ?? metadata.namespace}/${name}`;
}
