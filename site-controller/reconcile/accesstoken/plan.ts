/** AccessToken: a claim on another site, redeemed once for a Secret and Links. Control-plane reference 1.8, 2.5. */
import type { AccessToken } from '../../../config/api/access-token.ts';
import { type Finding, failed, pending, ready } from '../../../config/api/conditions.ts';
import { type Observed, type Outcome, ofKind } from '../observed.ts';
import { linkRefusal } from '../policy/refusals.ts';
import { activeSite } from '../site/identity.ts';

/** How the last try of a token ended. */
export interface Attempt {
  /** Of the token that was tried. */
  uid: string | undefined;
  generation: number;
  message: string;
  /** Trying again makes no sense. */
  isFinal: boolean;
  /** Wall-clock milliseconds; of no meaning for a final one. */
  retryAt: number;
  /** Since when what answers is not believed to be the issuing site, and nothing else was heard; wall-clock milliseconds. */
  doubtedSince?: number;
}

/** `attempts` are failed ones, by name. */
export function planAccessTokens(observed: Observed, attempts: ReadonlyMap<string, Attempt>): Outcome[] {
  return ofKind(observed, 'AccessToken').map((token) => ({
    resource: token,
    status: { redeemed: token.status?.redeemed ?? false },
    findings: [redeemed(observed, token, attemptOf(token, attempts))],
  }));
}

/** The tokens to be tried now. */
export function tokensDue(observed: Observed, attempts: ReadonlyMap<string, Attempt>): AccessToken[] {
  return ofKind(observed, 'AccessToken').filter((token) => {
    const attempt = attemptOf(token, attempts);
    if (tokenRefusal(observed) !== undefined) return false;
    return !token.status?.redeemed && (attempt === undefined || (!attempt.isFinal && attempt.retryAt <= observed.now));
  });
}

/** Nothing is known of a link that a token may become, but what holds for all. */
function tokenRefusal(observed: Observed): string | undefined {
  return linkRefusal(observed, { direction: 'Outgoing' });
}

function attemptOf(token: AccessToken, attempts: ReadonlyMap<string, Attempt>): Attempt | undefined {
  const attempt = attempts.get(token.metadata.name);
  const { uid, generation } = token.metadata;
  return attempt?.uid === uid && attempt?.generation === generation ? attempt : undefined;
}

function redeemed(observed: Observed, token: AccessToken, attempt: Attempt | undefined): Finding {
  if (token.status?.redeemed) {
    return isOfFormerSite(observed, token)
      ? { type: 'Redeemed', status: 'True', reason: 'Error', message: 'Already redeemed for a deleted site' }
      : ready('Redeemed');
  }
  const refusal = tokenRefusal(observed);
  if (refusal !== undefined) return failed('Redeemed', refusal);
  if (attempt === undefined) {
    const isIdle = observed.cluster !== undefined && activeSite(observed) === undefined;
    return pending('Redeemed', isIdle ? 'No active site in namespace' : 'Being redeemed');
  }
  return attempt.isFinal ? failed('Redeemed', attempt.message) : pending('Redeemed', attempt.message);
}

/** On Kubernetes the links of a token go with its site, and the token stays. */
function isOfFormerSite(observed: Observed, token: AccessToken): boolean {
  if (observed.cluster === undefined) return false;
  const site = activeSite(observed);
  if (site === undefined) return true;
  const redeemedAt = token.status?.conditions?.find(({ type }) => type === 'Redeemed')?.lastTransitionTime ?? '';
  return Date.parse(redeemedAt) < Date.parse(site.metadata.creationTimestamp ?? '');
}
