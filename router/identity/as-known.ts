/**
 * A client of a site as this router would know it if it came now, for who asks without a connection: by who is believed of the routers of
 * that site. Pure.
 */
import type { PolicyClient } from '../../lib/policy/types.ts';
import { believed, SILENT } from './believed.ts';
import type { OwnSite } from './client.ts';
import type { Identity } from './identity.ts';
import type { Belief } from './trust.ts';

/** @param identity undefined: of other sites nothing is known */
export function asKnown(client: Partial<PolicyClient>, own: OwnSite, identity: Identity | undefined): PolicyClient {
  const { verification: _verification, via: _via, doubt: _doubt, ...said } = client;
  const { siteId, siteName } = own;
  const isOwn = said.siteId === undefined ? said.siteName === siteName : said.siteId === siteId;
  const isSaid = said.siteId !== undefined || said.siteName !== undefined;
  if (isOwn && isSaid) return { ...said, siteId, siteName, verification: 'local' };
  const trust = identity?.trust;
  const wanted = said.siteId ?? trust?.siteNames.get(said.siteName ?? '');
  const belief = nearestOf(trust?.beliefs.values() ?? [], wanted);
  if (trust === undefined || belief === undefined) {
    const neighbour = wanted === undefined ? undefined : identity?.neighbours.certifiedOf(wanted);
    if (neighbour !== undefined) return { siteId: wanted, verification: 'link', doubt: SILENT };
    const doubt = `nobody who is believed here vouches for a router of site ${said.siteName ?? said.siteId ?? 'unknown'}`;
    return { ...said, verification: 'none', doubt };
  }
  return believed(said, belief, { siteNames: trust.siteNames, ownSiteId: siteId });
}

function nearestOf(beliefs: Iterable<Belief>, siteId: string | undefined): Belief | undefined {
  let nearest: Belief | undefined;
  for (const belief of beliefs) {
    if (belief.siteId !== siteId || belief.rival !== undefined) continue;
    if (nearest === undefined || belief.via.length < nearest.via.length) nearest = belief;
  }
  return nearest;
}
