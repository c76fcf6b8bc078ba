/** AccessGrant: the offer to be linked to, served by the redemption server. Control-plane reference 1.8, 2.3. */
import {
  type AccessGrant,
  EXPIRATION_WINDOW_DEFAULT,
  REDEMPTIONS_ALLOWED_DEFAULT,
} from '../../../config/api/access-grant.ts';
import { type Finding, failed, pending, ready, rfc3339 } from '../../../config/api/conditions.ts';
import { parseDurationMs } from '../../../config/api/duration.ts';
import { CREDENTIAL } from '../../../config/names.ts';
import type { GrantState, Redemption } from '../../grants/store.ts';
import { type Credential, type Observed, type Outcome, ofKind } from '../observed.ts';
import { type AccessEndpoint, accessEndpoints } from '../routeraccess/plan.ts';
import { activeSite } from '../site/identity.ts';
import { issuerOf } from './issuer.ts';

/** A grant that expired stays to be looked at for this long. */
const KEPT_MS = 60 * 60 * 1000;
/** "true" on a grant that is kept by other tools: it stays when it has ended. */
const KEEP_ANNOTATION = 'skuprt.io/keep';
/** On a grant on Kubernetes, as JSON: who redeemed it. */
export const REDEMPTIONS_ANNOTATION = 'skuprt.io/redemptions';
export const EDGE_REFUSAL = 'Edge sites cannot accept incoming links from remote sites';

/**
 * `newCode` draws the secret of a grant that has none; `redemptions` counts those of a grant by its uid; `serverCa` is the PEM bundle by
 * which the redemption server is trusted, where it is not that of the site.
 */
export function planAccessGrants(
  observed: Observed,
  newCode: () => string,
  redemptions: (uid: string) => number,
  serverCa?: string,
): Outcome[] {
  return ofKind(observed, 'AccessGrant').map((grant) => {
    const refusal = refusalOf(observed);
    if (refusal !== undefined) return { resource: grant, findings: [failed('Processed', refusal)] };
    const { status = {}, spec } = grant;
    const uid = grant.metadata.uid ?? '';
    const urls = observed.grantUrls.map((base) => `${base}/${uid}`);
    return {
      resource: grant,
      status: {
        url: urls[0],
        urls,
        ca: serverCa ?? serverCredential(observed, grant)?.ca,
        code: spec.code || status.code || newCode(),
        expirationTime: status.expirationTime ?? rfc3339(observed.now + windowMs(grant)),
        redemptions: Math.max(redemptions(uid), redemptionsOf(grant).length, status.redemptions ?? 0),
      },
      findings: [ready('Processed'), resolved(observed, grant)],
    };
  });
}

/** Names of grants that ended long ago: by time, or because they were redeemed as often as they allow. */
export function endedGrants(observed: Observed): string[] {
  return ofKind(observed, 'AccessGrant')
    .filter((grant) => goneAt(grant) <= observed.now)
    .map(({ metadata }) => metadata.name);
}

/** When the next one is to go, in wall-clock milliseconds; Infinity when none is. */
export function nextGrantEnd(observed: Observed): number {
  const times = ofKind(observed, 'AccessGrant').map(goneAt);
  return Math.min(Infinity, ...times.filter((time) => time > observed.now));
}

/** What was recorded with a grant on Kubernetes. */
export function redemptionsOf({ metadata }: AccessGrant): Redemption[] {
  try {
    const recorded = JSON.parse(metadata.annotations?.[REDEMPTIONS_ANNOTATION] ?? '[]') as unknown;
    return Array.isArray(recorded) ? (recorded as Redemption[]) : [];
  } catch {
    return [];
  }
}

/** Where redeemed links will dial. Loopback addresses are of use on this machine only and go last. */
export function linkEndpoints(observed: Observed): AccessEndpoint[] {
  return ofKind(observed, 'RouterAccess').flatMap((access) => accessEndpoints(observed, access));
}

export function redemptionsAllowed({ spec }: AccessGrant): number {
  return spec.redemptionsAllowed || REDEMPTIONS_ALLOWED_DEFAULT;
}

/** What the redemption server decides by; undefined while the grant is not processed. */
export function grantState(grant: AccessGrant, redemptions: readonly Redemption[]): GrantState | undefined {
  const { code, expirationTime } = grant.status ?? {};
  if (!code || !expirationTime) return undefined;
  return {
    uid: grant.metadata.uid ?? '',
    name: grant.metadata.name,
    code,
    expiresAt: Date.parse(expirationTime),
    redemptionsAllowed: redemptionsAllowed(grant),
    redemptions,
  };
}

/** Why grants are of no use in this namespace. */
function refusalOf(observed: Observed): string | undefined {
  if (observed.cluster === undefined) return undefined;
  if (!observed.cluster.settings.enableGrants) return 'AccessGrants are not enabled';
  return activeSite(observed)?.spec.edge ? EDGE_REFUSAL : undefined;
}

/** The site's own CA where its redemption server has no certificate yet. */
function serverCredential({ credentials, ...observed }: Observed, grant: AccessGrant): Credential | undefined {
  return credentials.get(CREDENTIAL.grantServer) ?? credentials.get(issuerOf(observed, grant));
}

function goneAt(grant: AccessGrant): number {
  if (grant.metadata.annotations?.[KEEP_ANNOTATION] === 'true') return Infinity;
  const expiresAt = Date.parse(grant.status?.expirationTime ?? '');
  const redeemed = redemptionsOf(grant);
  const usedUpAt = redeemed.length < redemptionsAllowed(grant) ? Infinity : (redeemed.at(-1)?.redeemedAt ?? Infinity);
  return Math.min(Number.isNaN(expiresAt) ? Infinity : expiresAt, usedUpAt) + KEPT_MS;
}

function resolved(observed: Observed, grant: AccessGrant): Finding {
  if (observed.cluster !== undefined && activeSite(observed) === undefined) {
    return pending('Resolved', 'No active site in namespace');
  }
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
