/**
 * What the service-controller knows of its cluster: reflectors feed it, it says which services a change concerns, and what one of them
 * looks like. A service is `namespace/name`.
 *
 * Of no concern are Services that nobody exported: the most of a cluster.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { versionNames } from '../../reconcile/connector/versions.ts';
import type { Observed } from '../../reconcile/observed.ts';
import { serviceKey } from '../../records.ts';
import type { MeshView } from '../mesh.ts';
import { CarrierCache, type Sources } from './carrier-cache.ts';
import { propertyValue } from './identity.ts';
import { KeyIndex, madeFor, sliceOf } from './key-index.ts';
import { Policies } from './policies.ts';
import type { ServiceSettings } from './settings.ts';
import { isOurs } from './trim.ts';
import { VersionUsers } from './version-users.ts';
import type { SourceName } from './watched.ts';

export interface ServiceCacheParts {
  settings: ServiceSettings;
  sources: Sources;
  /** This service has to be looked at again. */
  onDirty: (key: string) => void;
  /** All of them. */
  onAllDirty: () => void;
  /** A namespace came or went: what others export in it concerns us, or no longer. */
  onNamespace: (namespace: string) => void;
  /** Names of the external domain may lead elsewhere. */
  onExternal: () => void;
  /** What this cluster is, or who carries its services, may be another now. */
  onIdentity: () => void;
}

export class ServiceCache {
  readonly carrier: CarrierCache;
  private readonly parts: ServiceCacheParts;
  private readonly slices = new KeyIndex((object) => (isOurs(object) ? undefined : sliceOf(object)));
  private readonly made: ReadonlyMap<SourceName, KeyIndex> = new Map(
    (['Service', 'EndpointSlice', 'Connector', 'Listener', 'MultiKeyListener'] as const).map((name) => [
      name,
      new KeyIndex((object) => (isOurs(object) ? madeFor(object) : undefined)),
    ]),
  );
  private readonly versions = new VersionUsers();
  private readonly policies: Policies;
  private properties_: Readonly<Record<string, string>> = {};

  constructor(parts: ServiceCacheParts) {
    this.parts = parts;
    this.carrier = new CarrierCache(parts);
    this.policies = new Policies(parts.sources);
  }

  /** To be called with each change that a reflector tells. */
  changed(name: SourceName, before: KubeObject | undefined, after: KubeObject | undefined): void {
    const object = after ?? before!;
    this.indexed(name, before, after);
    switch (name) {
      case 'ServiceExport':
        this.versions.changed(before, after);
        this.mark(keyOf(object));
        break;
      case 'ServiceImport':
        this.mark(keyOf(object));
        break;
      case 'Service':
        this.markExported(keyOf(object));
        break;
      case 'Namespace':
        if (isLiving(before) !== isLiving(after)) this.markNamespace(object.metadata.name);
        break;
      case 'ClusterProperty':
        if (propertyValue(before) !== propertyValue(after)) this.propertiesChanged();
        break;
      case 'ClusterAccessPolicy':
      case 'AccessPolicy':
        this.policies.changed();
        for (const key of this.keys()) if (isOf(object.metadata.namespace, key)) this.mark(key);
        break;
      case 'Ingress':
      case 'DNSEndpoint':
        this.parts.onExternal();
        break;
      default:
        this.carrierChanged(name, object);
    }
  }

  /** Something is exported, imported or left of it here. */
  isConcern(key: string): boolean {
    const [namespace = '', name = ''] = key.split('/');
    if (this.find('ServiceExport', namespace, name) !== undefined) return true;
    if (this.find('ServiceImport', namespace, name) !== undefined) return true;
    return [...this.made.values()].some((index) => index.of(key).length > 0);
  }

  /** Those that are of concern by what is in this cluster. */
  keys(): Set<string> {
    const keys = new Set<string>();
    for (const name of ['ServiceExport', 'ServiceImport'] as const) {
      for (const object of this.list(name)) keys.add(keyOf(object));
    }
    for (const index of this.made.values()) for (const key of index.keys()) keys.add(key);
    return keys;
  }

  exportedKeys(): string[] {
    return [...this.list('ServiceExport')].map(keyOf);
  }

  ingresses(): Iterable<KubeObject> {
    return this.parts.sources.get('Ingress')?.list() ?? [];
  }

  /** Undefined: there is no such kind. */
  dnsEndpoints(namespace: string): KubeObject[] | undefined {
    const source = this.parts.sources.get('DNSEndpoint');
    return source?.isPresent ? [...source.list(namespace)] : undefined;
  }

  /** A Service of this cluster has a ready endpoint. */
  isServed(key: string): boolean {
    return this.slices.of(key).some(({ endpoints }) => ((endpoints ?? []) as Endpoint[]).some(isReady));
  }

  /** ClusterProperties by name. */
  properties(): ReadonlyMap<string, KubeObject> {
    return new Map([...this.list('ClusterProperty')].map((property) => [property.metadata.name, property]));
  }

  observe(key: string, mesh: MeshView, startedAt: number): Observed {
    const [namespace = '', name = ''] = key.split('/');
    const { choice, view } = this.carrier;
    const ours = (kind: SourceName) => this.made.get(kind)!.of(key);
    const service = this.find('Service', namespace, name);
    const made = this.find('ServiceExport', namespace, name);
    const versions = versionNames(made).map(
      (each) => [each, this.slices.of(serviceKey({ namespace, name: each }))] as const,
    );
    return {
      namespace,
      name,
      ...mesh,
      properties: this.properties_,
      carrier: view,
      carrierFault: choice.fault,
      startedAt,
      hasNamespace: isLiving(this.parts.sources.get('Namespace')!.get(undefined, namespace)),
      service: service !== undefined && isOurs(service) ? undefined : service,
      export: made,
      slices: this.slices.of(key),
      ...(versions.length > 0 && { versions: new Map(versions) }),
      import: this.find('ServiceImport', namespace, name),
      derived: ours('Service'),
      madeSlices: ours('EndpointSlice'),
      connectors: ours('Connector'),
      listeners: [...ours('Listener'), ...ours('MultiKeyListener')],
      policies: this.policies.of(namespace),
    };
  }

  private indexed(name: SourceName, before: KubeObject | undefined, after: KubeObject | undefined): void {
    for (const key of this.made.get(name)?.changed(before, after) ?? []) this.mark(key);
    if (name !== 'EndpointSlice') return;
    const keys = this.slices.changed(before, after);
    for (const key of keys) {
      this.markExported(key);
      for (const user of this.versions.usersOf(key)) this.mark(user);
    }
    if (keys.length > 0) this.parts.onExternal();
  }

  private carrierChanged(name: SourceName, object: KubeObject): void {
    const changed = this.carrier.changed(name, object);
    if (name === 'Site') this.parts.onIdentity();
    if (changed === 'all') {
      this.parts.onAllDirty();
      return;
    }
    const namespace = this.carrier.view?.namespace ?? '';
    for (const entity of changed) {
      const [kind, listener = ''] = entity.split('/');
      const found = this.find(kind === 'listener' ? 'Listener' : 'MultiKeyListener', namespace, listener);
      const key = found && madeFor(found);
      if (key !== undefined) this.mark(key);
    }
  }

  private propertiesChanged(): void {
    const entries = [...this.list('ClusterProperty')].map((property) => [
      property.metadata.name,
      propertyValue(property),
    ]);
    this.properties_ = Object.fromEntries(entries.filter(([, value]) => value !== undefined));
    this.parts.onIdentity();
    this.parts.onAllDirty();
  }

  private markExported(key: string): void {
    const [namespace = '', name = ''] = key.split('/');
    if (this.find('ServiceExport', namespace, name) !== undefined) this.mark(key);
  }

  private markNamespace(namespace: string): void {
    for (const key of this.keys()) if (key.startsWith(`${namespace}/`)) this.mark(key);
    this.parts.onNamespace(namespace);
  }

  private mark(key: string): void {
    this.parts.onDirty(key);
  }

  private list(name: SourceName): Iterable<KubeObject> {
    return this.parts.sources.get(name)!.list();
  }

  private find(name: SourceName, namespace: string, object: string): KubeObject | undefined {
    return this.parts.sources.get(name)!.get(namespace, object);
  }
}

/** Of the namespace; of any where there is none. */
function isOf(namespace: string | undefined, key: string): boolean {
  return namespace === undefined || key.startsWith(`${namespace}/`);
}

interface Endpoint {
  conditions?: { ready?: boolean };
}

/** Unknown counts as ready. */
function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready !== false;
}

function keyOf({ metadata }: KubeObject): string {
  return serviceKey({ namespace: metadata.namespace ?? '', name: metadata.name });
}

function isLiving(object: KubeObject | undefined): boolean {
  return object !== undefined && object.metadata.deletionTimestamp === undefined;
}
