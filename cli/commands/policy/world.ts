/** What policies are seen beside from a place: its services, its site, the network as its site sees it. */
import type { Kind, Resource, ResourceOf } from '../../../config/api/index.ts';
import { httpStatusOf, SkuprtError } from '../../../lib/errors.ts';
import type { SeenPlace, SeenSite } from '../../../lib/policy/seen.ts';
import type { PolicyDocument, PolicyRequest } from '../../../lib/policy/types.ts';
import type { PolicyWorld } from '../../../lib/policy/world.ts';
import type { SiteContent } from '../../../site-controller/exchange/record.ts';
import { readConsoleAddress } from '../../../site-controller/platform/local/console-address.ts';
import { dataHomeOf, sitePaths } from '../../../site-controller/platform/local/paths.ts';
import { consoleRequests, neighbourOf } from '../../../site-controller/reconcile/policy/consoles.ts';
import {
  documentOf,
  faultsOfPolicy,
  type PolicyResource,
} from '../../../site-controller/reconcile/policy/documents.ts';
import { type GovernedService, governedServices } from '../../../site-controller/reconcile/policy/governed.ts';
import { hasConsoleService } from '../../../site-controller/reconcile/site/console.ts';
import { keyOf, type ResourceKey } from '../../../site-controller/store.ts';
import { type Context, say } from '../../context.ts';
import { apiOf } from '../../places/cluster-client.ts';
import { KubernetesPlace } from '../../places/kubernetes.ts';
import type { Place } from '../../places/place.ts';
import { findSite } from '../../resources.ts';
import { trafficOf } from './traffic.ts';

const SERVICE_KINDS = ['Listener', 'MultiKeyListener', 'Connector', 'AttachedConnectorBinding'] as const;

export interface PolicySurroundings {
  world: PolicyWorld;
  /** Undefined where no site is. */
  seen?: SeenPlace;
  /** What the site here offers and uses. */
  services: readonly GovernedService[];
  policies: readonly PolicyResource[];
}

export async function lookAround(context: Context, place: Place): Promise<PolicySurroundings> {
  const { namespace } = context;
  const site = await findSite(place);
  const resources = new Map<ResourceKey, Resource>();
  for (const kind of SERVICE_KINDS) {
    for (const resource of await known(context, place, kind)) resources.set(keyOf(resource), resource);
  }
  const services = governedServices({ resources, namespace });
  const policies = await policiesOf(context, place);
  const others = await policiesElsewhere(
    place,
    namespace,
    services.map(({ service }) => service.namespace),
  );
  const documents = [...policies, ...others]
    .filter((policy) => faultsOfPolicy(policy).length === 0)
    .map((policy) => documentOf(policy, namespace));
  const view = site && (await place.network(site));
  if (site === undefined) return { policies, services, world: { documents, services, sites: [], links: [] } };
  const own = { id: view?.localSiteId ?? site.metadata.uid ?? '', name: site.metadata.name, namespace };
  const content = view?.sites.find((one) => one.site.id === own.id);
  const network = view?.sites ?? [];
  const world = {
    documents,
    services,
    sites: network.map(({ site: { id, name } }) => ({ id, name })),
    site: own,
    links: linksOf(content, namespace),
    consoles: consoleRequests({
      site: own,
      place: await consolePlace(context, site),
      services,
      others: network.filter((one) => one !== content).map(neighbourOf),
    }),
  };
  const seen = {
    site: own,
    documents,
    ends: services.map(({ kind, service, resource }) => ({
      kind,
      service,
      traffic: trafficOf(resource, service.routingKey, [...resources.values()]),
    })),
    others: sitesOf(network, own.id, content),
  };
  return { policies, services, world, seen };
}

async function consolePlace({ platform, env, namespace }: Context, site: ResourceOf<'Site'>) {
  if (platform === 'local') return await readConsoleAddress(sitePaths(dataHomeOf(env), namespace));
  return hasConsoleService(site) ? 'service' : undefined;
}

/** Policies of both kinds that are here. */
async function policiesOf(context: Context, place: Place): Promise<PolicyResource[]> {
  return [...(await known(context, place, 'ClusterAccessPolicy')), ...(await known(context, place, 'AccessPolicy'))];
}

/** What the place may not show, or does not know, is told and left out. */
async function known<K extends Kind>(context: Context, place: Place, kind: K): Promise<ResourceOf<K>[]> {
  try {
    return await place.resources.list(kind);
  } catch (error) {
    const isForbidden = httpStatusOf(error) === 403;
    const isUnknown = error instanceof SkuprtError && error.code === 'SKUPRT_CLI_FAILED';
    if (!isForbidden && !isUnknown) throw error;
    if (isForbidden) say(context, `Note: you may not see resources of kind ${kind}; they are left out of this answer`);
    return [];
  }
}

/** AccessPolicies of other namespaces whose services the site here has. */
async function policiesElsewhere(place: Place, own: string, namespaces: readonly string[]): Promise<PolicyResource[]> {
  if (!(place instanceof KubernetesPlace)) return [];
  const wanted = [...new Set(namespaces)].filter((namespace) => namespace !== own && namespace !== '');
  const lists = await Promise.all(wanted.map((namespace) => place.client.list(apiOf('AccessPolicy'), { namespace })));
  return lists
    .flat()
    .flatMap((object) =>
      object === undefined ? [] : [{ ...object, kind: 'AccessPolicy' } as unknown as PolicyResource],
    );
}

/** Of the links that are up, both ways. */
function linksOf(content: SiteContent | undefined, namespace: string): PolicyRequest[] {
  const up = (content?.routers ?? []).flatMap(({ links }) =>
    links.filter(({ operational, remoteSiteId }) => operational && remoteSiteId !== ''),
  );
  const found = new Map<string, PolicyRequest>();
  for (const { remoteSiteId, remoteSiteName, direction } of up) {
    found.set(`${direction} ${remoteSiteId}`, {
      operation: 'Link',
      client: { siteId: remoteSiteId, siteName: remoteSiteName, verification: 'link' },
      namespace,
      direction: direction === 'outgoing' ? 'Outgoing' : 'Incoming',
    });
  }
  return [...found.values()];
}

function sitesOf(network: readonly SiteContent[], own: string, content: SiteContent | undefined): SeenSite[] {
  const linked = new Set(
    (content?.routers ?? []).flatMap(({ links }) => links.map(({ remoteSiteId }) => remoteSiteId)),
  );
  const isLinkedFrom = ({ routers }: SiteContent) =>
    routers.some(({ links }) => links.some(({ remoteSiteId }) => remoteSiteId === own));
  return network
    .filter(({ site }) => site.id !== own)
    .map((other) => ({
      id: other.site.id,
      name: other.site.name,
      isNeighbour: linked.has(other.site.id) || isLinkedFrom(other),
      routers: other.routers.map(({ id }) => id).filter((id) => id !== ''),
      listenerKeys: other.listeners.map(({ routingKey }) => routingKey),
      connectorKeys: other.connectors.map(({ routingKey }) => routingKey),
    }));
}

export function toResource({ kind, name, namespace, spec }: PolicyDocument): PolicyResource {
  const metadata = { name, ...(namespace !== undefined && namespace !== '' && { namespace }) };
  return { apiVersion: 'skuprt.io/v1alpha1', kind, metadata, spec } as unknown as PolicyResource;
}
