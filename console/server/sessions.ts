/**
 * Who is signed in. The browser holds a random id in a cookie and nothing else; the token by which somebody came in stays here, is asked
 * about again now and then, and opens nothing any more once its issuer says so.
 */
import type { Clock } from '../../lib/clock.ts';
import { LIMITS } from './limits.ts';
import type { Access, SignedIn } from './uses.ts';

export interface Session {
  readonly id: string;
  readonly user: SignedIn;
}

interface Kept extends Session {
  readonly openedAt: number;
  checkedAt: number;
}

export interface SessionsParts {
  access: Access;
  clock: Clock;
  /** Not to be guessed. */
  newId: () => string;
  /** Its streams end with it. */
  onEnd: (id: string) => void;
  /** It was the last of this token. */
  onLeft: (token: string) => void;
}

export class Sessions {
  readonly #parts: SessionsParts;
  /** The oldest first. */
  readonly #sessions = new Map<string, Kept>();

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  open(user: SignedIn, id = this.#parts.newId()): Session {
    const now = this.#parts.clock.now();
    this.#sessions.set(id, { id, user, openedAt: now, checkedAt: now });
    if (this.#sessions.size > LIMITS.sessionCountMax) this.end(this.#sessions.keys().next().value!);
    return { id, user };
  }

  /** Undefined when it is over. @throws SkuprtError when nobody can say */
  async find(id: string): Promise<Session | undefined> {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    const now = this.#parts.clock.now();
    if (now - session.openedAt > LIMITS.sessionLifeMs) return this.end(id);
    if (now - session.checkedAt < LIMITS.sessionRecheckMs) return session;
    // Requests of the same moment ask once.
    session.checkedAt = now;
    const { token } = session.user;
    const known = await this.#parts.access.check(token);
    if (known === undefined) return this.end(id);
    const renewed: Kept = { ...session, user: { ...known, token } };
    // A sign-out meanwhile stands.
    if (this.#sessions.has(id)) this.#sessions.set(id, renewed);
    return renewed;
  }

  end(id: string): undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    this.#parts.onEnd(id);
    const { token } = session.user;
    if (![...this.#sessions.values()].some(({ user }) => user.token === token)) this.#parts.onLeft(token);
  }

  /** Looks again at sessions of open pages: a stream outlives no session. */
  async recheck(ids: Iterable<string>): Promise<void> {
    // An API server that does not answer says nothing about a token.
    for (const id of ids) await this.find(id).catch(() => undefined);
  }
}
