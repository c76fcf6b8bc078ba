/** AccessGrant: the offer to be linked to, served by the redemption server. Control-plane reference 1.8, 2.3. */
import {
  type AccessGrant,
  EXPIRATION_WINDOW_DEFAULT,
  REDEMPTIONS_ALLOWED_DEFAULT,
} from '../../../config/api/access-grant.ts';
import { type Finding, pending, ready, rfc3339 } from '../../../config/api/conditions.ts';
import { parseDurationMs } from '../../../config/api/duration.ts';
import { type Observed, type Outcome, ofKind } from '../observed.ts';
import { type AccessEndpoint, accessEndpoints } from '../routeraccess/plan.ts';
import { issuerOf } from './issuer.ts';

/** A grant that expired stays to be looked at for this long. */
const KEPT_MS = 60 * 60 * 1000;

/** `newCode` draws the secret of a grant that has none; `redemptions` counts those of a grant by its uid. */
export function planAccessGrants(
  observed: Observed,
  newCode: () => string,
  redemptions: (uid: string) => number,
): Outcome[] {
  return ofKind(observed, 'AccessGrant').map((grant) => {
    const { status = {}, spec } = grant;
    const uid = grant.metadata.uid ?? '';
    const urls = observed.grantUrls.map((base) => `${base}/${uid}`);
    return {
      resource: grant,
      status: {
        url: urls[0],
        urls,
        ca: observed.credentials.get(issuerOf(observed, grant))?.ca,
        code: spec.code || status.code || newCode(),
        expirationTime: status.expirationTime ?? rfc3339(observed.now + windowMs(grant)),
        redemptions: redemptions(uid),
      },
      findings: [ready('Processed'), resolved(observed, grant)],
    };
  });
}

/** Names of grants that ended long ago. */
export function endedGrants(observed: Observed): string[] {
  return ofKind(observed, 'AccessGrant')
    .filter(({ status }) => Date.parse(status?.expirationTime ?? '') + KEPT_MS <= observed.now)
    .map(({ metadata }) => metadata.name);
}

/** Where redeemed links will dial. Loopback addresses are of use on this machine only and go last. */
export function linkEndpoints(observed: Observed): AccessEndpoint[] {
  return ofKind(observed, 'RouterAccess').flatMap((access) => accessEndpoints(observed, access));
}

export function redemptionsAllowed({ spec }: AccessGrant): number {
  return spec.redemptionsAllowed || REDEMPTIONS_ALLOWED_DEFAULT;
}

function resolved(observed: Observed, grant: AccessGrant): Finding {
  if (linkEndpoints(observed).length === 0) {
    return pending('Resolved', 'The site has no link access: other sites cannot dial it');
  }
  if (observed.grantUrls.length === 0) return pending('Resolved', 'The redemption server is not running yet');
  const issuer = issuerOf(observed, grant);
  return observed.credentials.get(issuer)?.hasKey ? ready('Resolved') : pending('Resolved', `CA "${issuer}" not found`);
}

function windowMs({ spec }: AccessGrant): number {
  return (
    parseDurationMs(spec.expirationWindow || EXPIRATION_WINDOW_DEFAULT) ?? parseDurationMs(EXPIRATION_WINDOW_DEFAULT)!
  );
}
