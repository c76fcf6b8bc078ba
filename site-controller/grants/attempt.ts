/** What follows from a try of a token that failed: whether another makes sense, when, and what is told. Pure. */
import type { AccessToken } from '../../config/api/access-token.ts';
import { messageOf, SkuprtError } from '../../lib/errors.ts';
import type { Attempt } from '../reconcile/accesstoken/plan.ts';
import { GrantServerUntrustedError } from './errors.ts';

/**
 * A server whose certificate or name just changes is not believed for a moment. Nothing was sent to it, so trying again costs nothing;
 * what stays so for longer is another site.
 */
const DOUBT_MS = 3000;
const DOUBT_RETRY_MS = 1000;

export interface FailedTry {
  token: AccessToken;
  /** Wall-clock milliseconds. */
  now: number;
  /** Until the next try, where one makes sense. */
  waitMs: number;
  /** How the try before this one ended. */
  last: Attempt | undefined;
}

export function attemptAfter(error: unknown, { token, now, waitMs, last }: FailedTry): Attempt {
  const { uid, generation = 1 } = token.metadata;
  const isKnown = error instanceof SkuprtError;
  const advice = isKnown && error.next !== undefined ? `. ${error.next}` : '';
  const tried = { uid, generation, message: `${messageOf(error)}${advice}` };
  if (error instanceof GrantServerUntrustedError) {
    const isSame = last?.uid === uid && last?.generation === generation;
    const doubtedSince = (isSame ? last?.doubtedSince : undefined) ?? now;
    return { ...tried, isFinal: now - doubtedSince >= DOUBT_MS, retryAt: now + DOUBT_RETRY_MS, doubtedSince };
  }
  return { ...tried, isFinal: isKnown && error.fault !== 'environment', retryAt: now + waitMs };
}
