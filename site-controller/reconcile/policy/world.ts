/** What policies are seen beside when their statuses are told: the services and links of a namespace, the sites of the network. Pure. */
import type { PolicyRequest } from '../../../lib/policy/types.ts';
import type { PolicyWorld } from '../../../lib/policy/world.ts';
import { endpointOf, isOperational, remoteOf, siteOfRouter } from '../link/plan.ts';
import { type Observed, ofKind } from '../observed.ts';
import { hasConsoleService } from '../site/console.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';
import { consoleRequests, neighbourOf } from './consoles.ts';
import { policyDocuments } from './documents.ts';
import { governedServices } from './governed.ts';

const LINK_ROLES: ReadonlySet<string> = new Set(['inter-router', 'edge']);

export function worldOf(observed: Observed): PolicyWorld {
  const { namespace, network, cluster } = observed;
  const site = activeSite(observed);
  const own = site && { id: siteIdOf(site), name: site.metadata.name, namespace };
  const governed = governedServices(observed);
  const place = cluster === undefined ? observed.console : site && hasConsoleService(site) ? 'service' : undefined;
  const others = network.sites.map(neighbourOf);
  return {
    documents: policyDocuments(observed),
    services: [...governed, ...(cluster?.carried ?? [])],
    // Before the others were heard it cannot be known who they are.
    sites: own !== undefined && network.settled ? [own, ...network.sites.map(({ site: other }) => other)] : [],
    ...(own !== undefined && { site: own }),
    links: own === undefined ? [] : [...outgoing(observed), ...incoming(observed)],
    consoles: own === undefined ? [] : consoleRequests({ site: own, place, services: governed, others }),
  };
}

function outgoing(observed: Observed): PolicyRequest[] {
  return ofKind(observed, 'Link')
    .filter((link) => isOperational(observed, link))
    .map((link) => ({
      ...linkRequest(observed, remoteOf(observed, link)),
      direction: 'Outgoing',
      host: endpointOf(observed, link)?.host,
    }));
}

function incoming(observed: Observed): PolicyRequest[] {
  const dialled = (observed.router?.connections ?? []).filter(
    ({ direction, role, container }) => direction === 'in' && LINK_ROLES.has(role) && container !== '',
  );
  const others = new Set(dialled.map(({ container }) => container));
  for (const { id } of observed.cluster?.routers.values() ?? []) others.delete(id);
  return [...others].map((id) => ({ ...linkRequest(observed, siteOfRouter(observed, id)), direction: 'Incoming' }));
}

function linkRequest({ namespace }: Observed, remote: { siteId: string; siteName: string } | undefined): PolicyRequest {
  const { siteId, siteName } = remote ?? {};
  const known = { ...(siteId && { siteId }), ...(siteName && { siteName }) };
  return { operation: 'Link', client: { ...known, verification: 'link' }, namespace };
}
