/** AccessToken: a claim on another site, redeemed once for a Secret and Links. Control-plane reference 1.8, 2.5. */
import type { AccessToken } from '../../../config/api/access-token.ts';
import { type Finding, failed, pending, ready } from '../../../config/api/conditions.ts';
import { type Observed, type Outcome, ofKind } from '../observed.ts';

/** How the last try of a token ended. */
export interface Attempt {
  /** Of the token that was tried. */
  generation: number;
  message: string;
  /** Trying again makes no sense. */
  isFinal: boolean;
  /** Wall-clock milliseconds; of no meaning for a final one. */
  retryAt: number;
}

/** `attempts` are failed ones, by name. */
export function planAccessTokens(observed: Observed, attempts: ReadonlyMap<string, Attempt>): Outcome[] {
  return ofKind(observed, 'AccessToken').map((token) => ({
    resource: token,
    status: { redeemed: token.status?.redeemed ?? false },
    findings: [redeemed(token, attemptOf(token, attempts))],
  }));
}

/** The tokens to be tried now. */
export function tokensDue(observed: Observed, attempts: ReadonlyMap<string, Attempt>): AccessToken[] {
  return ofKind(observed, 'AccessToken').filter((token) => {
    const attempt = attemptOf(token, attempts);
    return !token.status?.redeemed && (attempt === undefined || (!attempt.isFinal && attempt.retryAt <= observed.now));
  });
}

function attemptOf(token: AccessToken, attempts: ReadonlyMap<string, Attempt>): Attempt | undefined {
  const attempt = attempts.get(token.metadata.name);
  return attempt?.generation === token.metadata.generation ? attempt : undefined;
}

function redeemed(token: AccessToken, attempt: Attempt | undefined): Finding {
  if (token.status?.redeemed) return ready('Redeemed');
  if (attempt === undefined) return pending('Redeemed', 'Being redeemed');
  return attempt.isFinal ? failed('Redeemed', attempt.message) : pending('Redeemed', attempt.message);
}
