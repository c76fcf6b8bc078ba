/**
 * What the controller knows of the cluster: one reflector a kind, and from them what one namespace looks like.
 *
 * Tells which namespaces a change concerns. Namespaces without any resource of ours are of no concern to it.
 */
import type { AccessGrant } from '../../../config/api/access-grant.ts';
import type { AttachedConnector } from '../../../config/api/attached-connector.ts';
import type { AttachedConnectorBinding } from '../../../config/api/attached-connector-binding.ts';
import type { Resource } from '../../../config/api/index.ts';
import { NAME } from '../../../config/names.ts';
import type { KubeObject, ObjectKey } from '../../../lib/kube/object.ts';
import { objectKey } from '../../../lib/kube/object.ts';
import { decodeReport } from '../../../lib/router-client/report.ts';
import type { RouterState } from '../../../lib/router-client/state.ts';
import {
  type AttachedView,
  type ClusterView,
  type InvalidResource,
  MADE_KINDS,
  type PodView,
} from '../../reconcile/cluster.ts';
import { POLICY_KINDS } from '../../reconcile/policy/documents.ts';
import type { ControllerSettings } from '../../reconcile/settings.ts';
import { keyOf, type ResourceKey } from '../../store.ts';
import { PolicyCache, SERVICE_KINDS } from './policy-cache.ts';
import { readResource } from './resources.ts';
import { podView } from './trim.ts';
import { apiNameOf, RESOURCE_KINDS, WATCHED } from './watched.ts';

const SIZING_LABEL = 'skupper.io/site-sizing';
const GATEWAY_NAME = 'skupper';
const TEMPLATE_LABEL = 'skupper.io/label-template';

/** What the cache needs of a reflector. */
export interface ObjectSource {
  get(namespace: string, name: string): KubeObject | undefined;
  list(namespace?: string): Iterable<KubeObject>;
  /** The API server has this kind. */
  readonly isPresent: boolean;
}

export interface ClusterCacheParts {
  settings: ControllerSettings;
  /** By kind. */
  sources: ReadonlyMap<string, ObjectSource>;
  /** These namespaces have to be looked at again. */
  onDirty: (namespace: string) => void;
}

export interface NamespaceContent {
  resources: Map<ResourceKey, Resource>;
  cluster: ClusterView;
  networkMaps: KubeObject[];
}

export class ClusterCache {
  private readonly parts: ClusterCacheParts;
  readonly policies: PolicyCache;
  private readonly pods = new WeakMap<KubeObject, PodView>();
  /** The last report of each pod, by `namespace/pod`. */
  private readonly reports = new Map<string, { text: string; state: RouterState | undefined }>();

  constructor(parts: ClusterCacheParts) {
    this.parts = parts;
    this.policies = new PolicyCache((kind) => this.source(kind));
  }

  /** To be called with each change that a reflector tells. */
  changed(kind: string, before: KubeObject | undefined, after: KubeObject | undefined): void {
    const object = after ?? before!;
    const namespace = object.metadata.namespace ?? '';
    for (const version of [before, after]) {
      for (const other of version === undefined ? [] : namedNamespaces(kind, version)) this.mark(other);
    }
    this.mark(namespace);
    if (kind === 'AttachedConnectorBinding') this.markConnectors(namespace, object.metadata.name);
    if (isPolicy(kind)) for (const site of this.policies.concerned(kind, namespace)) this.mark(site);
    if (isGoverned(kind)) this.mark(CLUSTER_SCOPE);
    if (kind === 'Pod') for (const site of this.siteNamespacesOf(namespace)) this.mark(site);
    if (namespace === this.parts.settings.namespace && concernsAll(kind, object)) {
      for (const concerned of this.namespaces()) this.mark(concerned);
    }
  }

  /** Those that have something to be looked at. */
  namespaces(): Set<string> {
    const found = new Set<string>();
    for (const kind of CONCERNS) {
      for (const { metadata } of this.source(kind).list()) found.add(metadata.namespace ?? '');
    }
    return found;
  }

  /** There is something to be looked at. */
  isConcern(namespace: string): boolean {
    return CONCERNS.some((kind) => !isEmpty(this.source(kind).list(namespace)));
  }

  findGrant(uid: string): { namespace: string; grant: AccessGrant } | undefined {
    for (const object of this.source('AccessGrant').list()) {
      if (object.metadata.uid !== uid) continue;
      const read = readResource('AccessGrant', object);
      if ('resource' in read)
        return { namespace: object.metadata.namespace ?? '', grant: read.resource as AccessGrant };
    }
    return undefined;
  }

  /** Of the Site with that uid. */
  namespaceOfSite(uid: string): string | undefined {
    for (const { metadata } of this.source('Site').list()) if (metadata.uid === uid) return metadata.namespace;
    return undefined;
  }

  observe(namespace: string): NamespaceContent {
    const { settings } = this.parts;
    const { resources, invalid } = this.resourcesOf(namespace);
    const policies = this.policies.of(namespace);
    for (const policy of policies.own) resources.set(keyOf(policy), policy);
    const pods = this.podsOf(namespace);
    const configMaps = [...this.source('ConfigMap').list(namespace)];
    return {
      resources,
      networkMaps: configMaps.filter(({ metadata }) => metadata.name.startsWith(NAME.networkStatus)),
      cluster: {
        settings,
        objects: this.objectsOf(namespace),
        pods,
        apis: new Set(
          WATCHED.filter(({ isOptional, kind }) => isOptional && this.source(kind).isPresent).map(apiNameOf),
        ),
        sizings: [...this.source('ConfigMap').list(settings.namespace)].filter((map) => isLabelled(map, SIZING_LABEL)),
        labelTemplates: this.labelTemplates(namespace, configMaps),
        attached: this.attachedTo(namespace),
        bindings: this.bindingsFor(namespace),
        routers: this.routersOf(configMaps, pods),
        gateway: this.source('Gateway').get(settings.namespace, GATEWAY_NAME),
        policies: policies.others,
        carried: policies.carried,
        invalid: [...invalid, ...policies.invalid],
      },
    };
  }

  /** Those of other namespaces that name this binding, whether or not it names them. */
  private markConnectors(siteNamespace: string, name: string): void {
    for (const { metadata, spec } of this.source('AttachedConnector').list()) {
      if (metadata.name === name && siteNamespaceOf(spec) === siteNamespace) this.mark(metadata.namespace ?? '');
    }
  }

  private mark(namespace: string): void {
    this.parts.onDirty(namespace);
  }

  private source(kind: string): ObjectSource {
    return this.parts.sources.get(kind)!;
  }

  private resourcesOf(namespace: string): { resources: Map<ResourceKey, Resource>; invalid: InvalidResource[] } {
    const resources = new Map<ResourceKey, Resource>();
    const invalid: InvalidResource[] = [];
    for (const kind of [...RESOURCE_KINDS, 'Secret'] as const) {
      for (const object of this.source(kind).list(namespace)) {
        const read = readResource(kind, object);
        if ('resource' in read) resources.set(keyOf(read.resource), read.resource);
        else if (kind !== 'Secret') invalid.push(read.invalid);
      }
    }
    return { resources, invalid };
  }

  private objectsOf(namespace: string): Map<ObjectKey, KubeObject> {
    const objects = new Map<ObjectKey, KubeObject>();
    for (const { kind } of MADE_KINDS) {
      for (const object of this.source(kind).list(namespace)) objects.set(objectKey({ ...object, kind }), object);
    }
    return objects;
  }

  private podsOf(namespace: string): PodView[] {
    return [...this.source('Pod').list(namespace)].map((pod) => {
      const view = this.pods.get(pod) ?? podView(pod);
      this.pods.set(pod, view);
      return view;
    });
  }

  private labelTemplates(namespace: string, configMaps: readonly KubeObject[]): KubeObject[] {
    const central = this.parts.settings.namespace;
    const everywhere = namespace === central ? [] : [...this.source('ConfigMap').list(central)];
    return [...configMaps, ...everywhere].filter((map) => isLabelled(map, TEMPLATE_LABEL));
  }

  private attachedTo(namespace: string): AttachedView[] {
    return [...this.source('AttachedConnector').list()]
      .filter(({ metadata, spec }) => siteNamespaceOf(spec) === namespace && metadata.namespace !== namespace)
      .flatMap((object) => {
        const read = readResource('AttachedConnector', object);
        if (!('resource' in read)) return [];
        return [{ connector: read.resource as AttachedConnector, pods: this.podsOf(object.metadata.namespace ?? '') }];
      });
  }

  /** Those that speak of this namespace, and those that its AttachedConnectors speak of. */
  private bindingsFor(namespace: string): AttachedConnectorBinding[] {
    const wanted = new Set<KubeObject>();
    for (const object of this.source('AttachedConnectorBinding').list()) {
      if (connectorNamespaceOf(object.spec) === namespace && object.metadata.namespace !== namespace)
        wanted.add(object);
    }
    for (const { metadata, spec } of this.source('AttachedConnector').list(namespace)) {
      const site = siteNamespaceOf(spec);
      const found = site === namespace ? undefined : this.source('AttachedConnectorBinding').get(site, metadata.name);
      if (found !== undefined) wanted.add(found);
    }
    return [...wanted].flatMap((object) => {
      const read = readResource('AttachedConnectorBinding', object);
      return 'resource' in read ? [read.resource as AttachedConnectorBinding] : [];
    });
  }

  /** Keys of reports whose pods the cache does not have: what is left of them, or a pod that came this moment. */
  orphanReports(namespace: string): string[] {
    if (this.parts.settings.routers !== 'deployment') return [];
    const data = (this.source('ConfigMap').get(namespace, NAME.routerStatus)?.data ?? {}) as Record<string, string>;
    return Object.keys(data).filter((pod) => this.source('Pod').get(namespace, pod) === undefined);
  }

  /** Of pods that are there; where others run the routers there are no pods to go by. */
  private routersOf(configMaps: readonly KubeObject[], pods: readonly PodView[]): Map<string, RouterState> {
    const map = configMaps.find(({ metadata }) => metadata.name === NAME.routerStatus);
    const alive = new Set(pods.filter(({ isDeleting }) => !isDeleting).map(({ name }) => name));
    const states = new Map<string, RouterState>();
    for (const [pod, text] of Object.entries((map?.data ?? {}) as Record<string, string>)) {
      if (this.parts.settings.routers === 'deployment' && !alive.has(pod)) continue;
      const state = this.decoded(`${map!.metadata.namespace}/${pod}`, text);
      if (state !== undefined) states.set(pod, state);
    }
    return states;
  }

  /** Reports repeat until they change. */
  private decoded(pod: string, text: string): RouterState | undefined {
    const last = this.reports.get(pod);
    if (last?.text === text) return last.state;
    if (this.reports.size > REPORTS_KEPT) this.reports.clear();
    const state = decodeReport(text);
    this.reports.set(pod, { text, state });
    return state;
  }

  private siteNamespacesOf(namespace: string): Set<string> {
    const found = new Set<string>();
    for (const { spec } of this.source('AttachedConnector').list(namespace)) found.add(siteNamespaceOf(spec));
    return found;
  }
}

/** Stands for what is in no namespace. */
export const CLUSTER_SCOPE = '';
/** What makes a namespace worth a look. */
const CONCERNS = [...RESOURCE_KINDS, 'AccessPolicy'] as const;

function isPolicy(kind: string): boolean {
  return POLICY_KINDS.some((policy) => policy === kind);
}

/** Policies of the cluster say how much they govern. */
function isGoverned(kind: string): boolean {
  return isPolicy(kind) || kind === 'Site' || SERVICE_KINDS.some((service) => service === kind);
}

/** What the controller's namespace has for every site. */
function concernsAll(kind: string, { metadata }: KubeObject): boolean {
  const labels = metadata.labels ?? {};
  if (kind === 'ConfigMap') return SIZING_LABEL in labels || TEMPLATE_LABEL in labels;
  return kind === 'Gateway' && metadata.name === GATEWAY_NAME;
}

const REPORTS_KEPT = 2048;

/** Other namespaces that an object speaks of. */
function namedNamespaces(kind: string, { spec }: KubeObject): string[] {
  if (kind === 'AttachedConnector') return [siteNamespaceOf(spec)];
  if (kind === 'AttachedConnectorBinding') return [connectorNamespaceOf(spec)];
  return [];
}

function siteNamespaceOf(spec: unknown): string {
  return (spec as { siteNamespace?: string } | undefined)?.siteNamespace ?? '';
}

function connectorNamespaceOf(spec: unknown): string {
  return (spec as { connectorNamespace?: string } | undefined)?.connectorNamespace ?? '';
}

function isLabelled({ metadata }: KubeObject, label: string): boolean {
  return metadata.labels?.[label] !== undefined;
}

function isEmpty(objects: Iterable<KubeObject>): boolean {
  return objects[Symbol.iterator]().next().done === true;
}
