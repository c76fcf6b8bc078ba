/**
 * Who may open the console of this machine: whoever can read what this process printed, or its file. The token is drawn at each start, and
 * is a word for this one process only.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Access } from '../../console/server/uses.ts';

export class ConsoleTokenAccess implements Access {
  readonly kind = 'console-token';
  readonly token = randomBytes(32).toString('base64url');
  readonly #user: string;

  /** @param user the name that the page shows */
  constructor(user: string) {
    this.#user = user;
  }

  async check(token: string) {
    // Of digests, so that neither length nor content shows in the time.
    return timingSafeEqual(digest(token), digest(this.token)) ? { name: this.#user, mayIssue: true } : undefined;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
