/**
 * Whether the certificate for a redeemer may name the site that it says it is. Who holds a token may link, and may not pass for another:
 * an id belongs to the site that had it first here, or that the network knows by it, until the issuer's admin says otherwise. Pure.
 */
import type { AccessGrant } from '../../config/api/access-grant.ts';
import { SETTING } from '../../config/names.ts';
import type { Observed } from '../reconcile/observed.ts';
import { activeSite, siteIdOf } from '../reconcile/site/identity.ts';
import type { Client } from './clients.ts';
import { SiteIdTakenError } from './errors.ts';

export interface SiteClaim {
  /** Id of the site that it says it is. */
  subject: string;
  /** Fingerprint of the site's CA, where the redeemer has proven that it is its own. */
  siteCa?: string;
  /** Digest of the key of its certificate request; undefined where the issuer makes the key. */
  key?: string;
}

/**
 * Undefined when the certificate may name the site, else why it may not: the plain form, which is Skupper's, proves nothing, and is served
 * with a certificate that names no site.
 *
 * @param clients who holds certificates of this site
 * @throws SiteIdTakenError
 */
export function siteDoubt(
  observed: Pick<Observed, 'resources' | 'network'>,
  grant: AccessGrant | undefined,
  clients: readonly Client[],
  { subject, siteCa, key }: SiteClaim,
): string | undefined {
  const own = activeSite(observed);
  if (own !== undefined && siteIdOf(own) === subject) throw new SiteIdTakenError(subject, 'it is that of this site');
  const intended = grant?.spec.settings?.[SETTING.forSite];
  if (intended === subject) return undefined;
  if (intended !== undefined) throw new SiteIdTakenError(subject, `the grant is for site ${intended}`);
  if (
    own?.metadata.name === subject ||
    observed.network.sites.some(({ site }) => site.name === subject && site.id !== subject)
  )
    throw new SiteIdTakenError(subject, 'it is the name of another site');
  const known = clients.filter(({ site }) => site === subject);
  const live = observed.network.sites.find(({ site }) => site.id === subject)?.site;
  if (known.length === 0 && live === undefined) return undefined;
  if (key !== undefined && known.some((client) => client.key === key)) return undefined;
  const cas = known.flatMap((client) => client.siteCa ?? []);
  if (cas.length === 0 && live?.ca !== undefined) cas.push(live.ca);
  if (siteCa !== undefined && cas.includes(siteCa)) return undefined;
  // Had by one that could not prove itself then, and that the network does not know: it can now.
  if (siteCa !== undefined && cas.length === 0 && live === undefined) return undefined;
  if (key !== undefined || cas.length > 0) throw new SiteIdTakenError(subject, 'another site has it');
  return 'another may have this id, and redeemers of this kind prove nothing';
}
