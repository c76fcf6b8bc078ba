/** What follows from a try of a token that failed. */
import { describe, expect, it } from 'vitest';
import type { AccessToken } from '../../config/api/access-token.ts';
import { attemptAfter } from '../../site-controller/grants/attempt.ts';
import {
  GrantServerUnreachableError,
  GrantServerUntrustedError,
  TokenRefusedError,
} from '../../site-controller/grants/errors.ts';
import type { Attempt } from '../../site-controller/reconcile/accesstoken/plan.ts';
import { resource } from '../support/observed.ts';

const NOW = 1_000_000;
const untrusted = new GrantServerUntrustedError(['east: certificate is of another host']);
const tokenOf = (uid: string) => resource('AccessToken', 'east', { url: 'https://x/1', code: 'c', ca: 'PEM' }, { uid });
const tried = (error: unknown, now: number, last?: Attempt, uid = 'first') =>
  attemptAfter(error, { token: tokenOf(uid) as AccessToken, now, waitMs: 60_000, last });

describe('a try of a token that failed', () => {
  it('is the last one when the issuing site refused, and one of many when it cannot be reached', () => {
    expect(tried(new TokenRefusedError('east'), NOW)).toMatchObject({ isFinal: true });
    const attempt = tried(new GrantServerUnreachableError(['no route']), NOW);
    expect(attempt).toMatchObject({ isFinal: false, retryAt: NOW + 60_000 });
    expect(attempt.message).toBe(
      'the issuing site cannot be reached: no route. Check that the site runs and that a firewall lets this machine reach that address and port',
    );
  });

  it('for want of trust is soon followed by another, until it stays so', () => {
    const first = tried(untrusted, NOW);
    expect(first).toMatchObject({ isFinal: false, retryAt: NOW + 1000 });
    const second = tried(untrusted, NOW + 2900, first);
    expect(second.isFinal).toBe(false);
    expect(tried(untrusted, NOW + 3000, second).isFinal).toBe(true);
  });

  it('does not count the doubts of before something else was heard, nor of another token of the name', () => {
    const first = tried(untrusted, NOW);
    const heard = tried(new GrantServerUnreachableError([]), NOW + 2000, first);
    expect(tried(untrusted, NOW + 9000, heard).isFinal).toBe(false);
    expect(tried(untrusted, NOW + 9000, first, 'second').isFinal).toBe(false);
  });
});
