/** The CA that signs what a grant gives. */
import type { AccessGrant } from '../../../config/api/access-grant.ts';
import { CREDENTIAL } from '../../../config/names.ts';
import type { Observed } from '../observed.ts';
import { activeSite } from '../site/identity.ts';

export function issuerOf(observed: Pick<Observed, 'resources'>, grant: AccessGrant | undefined): string {
  return grant?.spec.issuer || activeSite(observed)?.spec.defaultIssuer || CREDENTIAL.siteCa;
}
