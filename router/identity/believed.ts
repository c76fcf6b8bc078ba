/** A client as it is known where its router is believed: whose site it is of, and what of that is in doubt. Pure. */
import type { PolicyClient } from '../../lib/policy/types.ts';
import type { RouterIdentity } from './introduction.ts';
import { type Belief, type Trust, verificationOf } from './trust.ts';

/** Of a neighbour's client, of which its router says nothing: the certificate tells the site and no more. */
export const SILENT = 'its router says nothing of the client itself';

export interface Believing {
  readonly siteNames: Trust['siteNames'];
  readonly ownSiteId: string | undefined;
}

/** @param doubts beside those about its site's name */
export function believed(
  client: Omit<PolicyClient, 'verification'>,
  belief: Belief,
  { siteNames, ownSiteId }: Believing,
  doubts: readonly string[] = [],
): PolicyClient {
  const { siteId, siteName, via } = belief;
  const meant = nameMeant(siteNames, belief);
  const all = meant === siteName ? doubts : [`another site is known by the name ${siteName}`, ...doubts];
  return {
    ...client,
    siteId,
    siteName: meant,
    verification: verificationOf(belief, ownSiteId),
    ...(via.length > 0 && { via }),
    ...(all.length > 0 && { doubt: all.join('; ') }),
  };
}

/** The site's name, if that means this very site here: a name is believed of one site only. */
export function nameMeant(
  siteNames: Trust['siteNames'],
  { siteId, siteName }: Partial<Pick<RouterIdentity, 'siteId' | 'siteName'>>,
): string | undefined {
  return siteName !== undefined && siteNames.get(siteName) === siteId ? siteName : undefined;
}
