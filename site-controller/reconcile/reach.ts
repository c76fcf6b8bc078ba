/** Which of the other sites can be reached at this moment, as far as this site's routers can tell. Pure. */
import type { SiteContent } from '../exchange/record.ts';
import type { Observed } from './observed.ts';
import { activeSite } from './site/identity.ts';

/**
 * The exchange keeps a site for a while after its routers are gone, so that a restart undoes nothing; whether somebody listens there now
 * is not that patient. An edge router knows no router but its own, and routers do not know edges: of these nothing can be told.
 */
export function sitesInReach(observed: Observed): readonly SiteContent[] {
  const { network, router } = observed;
  if (router === undefined || activeSite(observed)?.spec.edge) return network.sites;
  const routerIds = new Set(router.routerIds);
  return network.sites.filter((site) => isEdge(site) || site.routers.some(({ id }) => routerIds.has(id)));
}

function isEdge({ routers }: SiteContent): boolean {
  return routers.some(({ links }) => links.some(({ direction, role }) => direction === 'outgoing' && role === 'edge'));
}
