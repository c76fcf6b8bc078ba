/** What the cache knows of access policies: which hold for a namespace, what they may select, and whom a change of one concerns. */
import type { Resource } from '../../../config/api/index.ts';
import type { Link } from '../../../config/api/link.ts';
import type { Site } from '../../../config/api/site.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { PolicyRequest } from '../../../lib/policy/types.ts';
import type { PolicyWorld } from '../../../lib/policy/world.ts';
import type { InvalidResource } from '../../reconcile/cluster.ts';
import { type ConsoleNeighbour, consoleRequests } from '../../reconcile/policy/consoles.ts';
import { documentOf, faultsOfPolicy, POLICY_KINDS, type PolicyResource } from '../../reconcile/policy/documents.ts';
import { type GovernedService, governedServices } from '../../reconcile/policy/governed.ts';
import { hasConsoleService } from '../../reconcile/site/console.ts';
import { siteIdOf } from '../../reconcile/site/identity.ts';
import { keyOf } from '../../store.ts';
import type { ObjectSource } from './cluster-cache.ts';
import { readResource } from './resources.ts';

/** Kinds of resources that stand for services. */
export const SERVICE_KINDS = ['Listener', 'MultiKeyListener', 'Connector', 'AttachedConnectorBinding'] as const;

export interface NamespacePolicies {
  /** Of the cluster, and of the namespace. */
  own: PolicyResource[];
  /** Of other namespaces whose services the site of this one has. */
  others: PolicyResource[];
  /** Services of this namespace that sites of other namespaces have. */
  carried: GovernedService[];
  invalid: InvalidResource[];
}

export interface ClusterScope {
  policies: PolicyResource[];
  invalid: InvalidResource[];
  world: PolicyWorld;
  /** Of this cluster. */
  sites: NonNullable<PolicyWorld['site']>[];
}

export class PolicyCache {
  private readonly source: (kind: string) => ObjectSource;

  constructor(source: (kind: string) => ObjectSource) {
    this.source = source;
  }

  get hasClusterPolicies(): boolean {
    return !isEmpty(this.source('ClusterAccessPolicy'));
  }

  /** Each of them changes what the routers of some site do. */
  of(namespace: string): NamespacePolicies {
    const read = [...this.source('ClusterAccessPolicy').list(), ...this.source('AccessPolicy').list(namespace)].map(
      readPolicy,
    );
    const own = read.flatMap((entry) => ('resource' in entry ? [entry.resource as PolicyResource] : []));
    const served = isEmpty(this.source('AccessPolicy')) ? [] : [...this.servedNamespaces(namespace)];
    const others = served.filter((other) => other !== namespace).flatMap((other) => this.goodOf(other));
    return {
      own,
      others,
      // Only those that tell of what they select want to know.
      carried: own.some(({ kind }) => kind === 'AccessPolicy') ? this.carriedFor(namespace) : [],
      invalid: read.flatMap((entry) => ('invalid' in entry ? [entry.invalid] : [])),
    };
  }

  /** A policy of this kind and namespace changed: namespaces of the sites that go by it. */
  concerned(kind: string, namespace: string): string[] {
    const sites = new Set([...this.source('Site').list()].map(({ metadata }) => metadata.namespace ?? ''));
    if (kind === 'ClusterAccessPolicy') return [...sites];
    return [...sites].filter((site) => site === namespace || this.servedNamespaces(site).has(namespace));
  }

  /** What ClusterAccessPolicies are seen beside, which are told of for the whole cluster. */
  clusterScope(): ClusterScope {
    const { own: policies, invalid } = this.of('');
    const every = [...this.source('AccessPolicy').list()].map(readPolicy);
    const all = [
      ...policies,
      ...every.flatMap((read) => ('resource' in read ? [read.resource as PolicyResource] : [])),
    ];
    const good = all.filter((policy) => faultsOfPolicy(policy).length === 0);
    const sites = [...this.source('Site').list()];
    const own = sites.map(({ metadata }) => {
      return { id: metadata.uid ?? '', name: metadata.name, namespace: metadata.namespace ?? '' };
    });
    return {
      policies,
      invalid,
      sites: own,
      world: {
        documents: good.map((policy) => documentOf(policy, '')),
        services: [...this.serviceNamespaces()].flatMap((namespace) => this.servicesIn(namespace)),
        // Sites of one network all tell of it.
        sites: [...new Map(sites.flatMap(networkOf).map((site) => [site.id, site])).values()],
        site: own[0],
        links: [...this.source('Link').list()].flatMap(linkRequests),
        consoles: sites.flatMap((site) => this.consolesOf(site)),
      },
    };
  }

  private goodOf(namespace: string): PolicyResource[] {
    return [...this.source('AccessPolicy').list(namespace)].flatMap((object) => {
      const read = readPolicy(object);
      return 'resource' in read ? [read.resource as PolicyResource] : [];
    });
  }

  /** Whose services the site of `namespace` has. */
  private servedNamespaces(namespace: string): Set<string> {
    return new Set(this.servicesIn(namespace).map(({ service }) => service.namespace));
  }

  private consolesOf(object: KubeObject): PolicyRequest[] {
    const read = readResource('Site', object);
    if (!('resource' in read)) return [];
    const site = read.resource as Site;
    const { name, namespace = '' } = site.metadata;
    return consoleRequests({
      site: { id: siteIdOf(site), name, namespace },
      place: hasConsoleService(site) ? 'service' : undefined,
      services: this.servicesIn(namespace),
      others: neighboursOf(site),
    });
  }

  private carriedFor(namespace: string): GovernedService[] {
    const others = [...this.serviceNamespaces()].filter((other) => other !== namespace);
    return others.flatMap((other) => this.servicesIn(other)).filter(({ service }) => service.namespace === namespace);
  }

  private serviceNamespaces(): Set<string> {
    return new Set(SERVICE_KINDS.flatMap((kind) => [...this.source(kind).list()].map(namespaceOf)));
  }

  private servicesIn(namespace: string): GovernedService[] {
    const read = SERVICE_KINDS.flatMap((kind) =>
      [...this.source(kind).list(namespace)].map((object) => readResource(kind, object)),
    );
    const good = read.flatMap((entry) => ('resource' in entry ? [entry.resource] : []));
    return governedServices({
      namespace,
      resources: new Map(good.map((resource: Resource) => [keyOf(resource), resource])),
    });
  }
}

/** Of the network, as a Site tells it. */
function networkOf({ status }: KubeObject): { id: string; name: string }[] {
  const { network = [] } = (status ?? {}) as NonNullable<Site['status']>;
  return network.flatMap(({ id, name }) => (id === undefined ? [] : [{ id, name: name ?? '' }]));
}

/** What connectors lead to is not told there. */
function neighboursOf({ metadata, status }: Site): ConsoleNeighbour[] {
  return (status?.network ?? []).flatMap(({ id = '', name = '', services = [] }) => {
    if (id === metadata.uid) return [];
    const listening = services.filter(({ listeners = [] }) => listeners.length > 0);
    return [{ id, name, listenerKeys: listening.flatMap(({ routingKey }) => routingKey ?? []), consoleKeys: [] }];
  });
}

/** That are up. */
function linkRequests({ metadata, spec, status }: KubeObject): PolicyRequest[] {
  const { conditions = [], remoteSiteId, remoteSiteName } = (status ?? {}) as NonNullable<Link['status']>;
  if (!conditions.some(({ type, status: is }) => type === 'Operational' && is === 'True')) return [];
  const { endpoints = [] } = (spec ?? {}) as Partial<Link['spec']>;
  const client = { siteId: remoteSiteId, siteName: remoteSiteName, verification: 'link' } as const;
  const { namespace } = metadata;
  return [{ operation: 'Link', client, namespace, direction: 'Outgoing', host: endpoints[0]?.host }];
}

function readPolicy(object: KubeObject) {
  const kind = POLICY_KINDS.find((policy) => policy === object.kind) ?? kindByScope(object);
  return readResource(kind, object);
}

/** Lists come without kinds. */
function kindByScope({ metadata }: KubeObject): (typeof POLICY_KINDS)[number] {
  return metadata.namespace === undefined ? 'ClusterAccessPolicy' : 'AccessPolicy';
}

function namespaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? '';
}

function isEmpty(source: ObjectSource): boolean {
  return source.list()[Symbol.iterator]().next().done === true;
}
