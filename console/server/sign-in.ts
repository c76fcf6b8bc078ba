/**
 * From a request to who made it: by the cookie of a session, or by a bearer token, for programs.
 *
 * Wrong tokens are counted by address and in total before anybody is asked about them, and whoever sent too many waits. Sessions that are
 * open go on meanwhile, and strangers cannot use up what there is for addresses from which somebody has come in.
 */
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { addressOwner } from '../../lib/address.ts';
import type { Clock } from '../../lib/clock.ts';
import { WrongTries } from '../../lib/wrong-tries.ts';
import { ConsoleRequestError } from './errors.ts';
import { LIMITS } from './limits.ts';
import type { Session, Sessions } from './sessions.ts';
import type { Access } from './uses.ts';

export interface SignInParts {
  access: Access;
  sessions: Sessions;
  clock: Clock;
  onTry: (result: 'accepted' | 'refused' | 'waiting') => void;
}

export class SignIn {
  readonly #parts: SignInParts;
  readonly #tries = new WrongTries(LIMITS.wrongTries);
  readonly #triesInTotal = new WrongTries(LIMITS.wrongTriesInTotal);
  /** Addresses from which somebody has come in, the oldest first. */
  readonly #known = new Set<string>();

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /** @throws ConsoleRequestError when the token opens nothing */
  async enter(token: string, address: string): Promise<Session> {
    return this.#parts.sessions.open(await this.#check(token, address));
  }

  /** Whose request it is. @throws ConsoleRequestError when nobody's */
  async sessionOf(request: FastifyRequest): Promise<Session> {
    const { authorization } = request.headers;
    const [, token] = /^Bearer (\S+)$/i.exec(authorization ?? '') ?? [];
    if (token !== undefined) return this.#ofBearer(token, request.ip);
    const id = sessionIdOf(request);
    const session = id === undefined ? undefined : await this.#parts.sessions.find(id);
    if (session === undefined) throw new ConsoleRequestError(401, 'not-signed-in', 'sign in first');
    return session;
  }

  leave(request: FastifyRequest): void {
    const id = sessionIdOf(request);
    if (id !== undefined) this.#parts.sessions.end(id);
  }

  /** The same token is the same session, so that it is not asked about at each request. */
  async #ofBearer(token: string, address: string): Promise<Session> {
    const id = `bearer:${createHash('sha256').update(token).digest('base64url')}`;
    const { sessions } = this.#parts;
    return (await sessions.find(id)) ?? sessions.open(await this.#check(token, address), id);
  }

  async #check(token: string, address: string) {
    const { access, clock, onTry } = this.#parts;
    const from = addressOwner(address);
    const share = this.#known.has(from) ? 'known' : 'strangers';
    const now = clock.now();
    const waitMs = Math.max(this.#tries.waitMs(from, now), this.#triesInTotal.waitMs(share, now));
    if (waitMs > 0) {
      onTry('waiting');
      throw new ConsoleRequestError(429, 'too-many-tries', 'too many wrong tokens; wait a minute', waitMs);
    }
    // Wrong until it is known to be right: whoever comes many times at once waits too.
    this.#tries.note(from, now);
    this.#triesInTotal.note(share, now);
    const user = token.length > LIMITS.tokenCharsMax ? undefined : await access.check(token);
    if (user === undefined) {
      onTry('refused');
      throw new ConsoleRequestError(401, 'token-refused', 'this token opens nothing here');
    }
    this.#tries.takeBack(from, now);
    this.#triesInTotal.takeBack(share, now);
    this.#cameIn(from);
    onTry('accepted');
    return { ...user, token };
  }

  #cameIn(from: string): void {
    this.#known.delete(from);
    this.#known.add(from);
    if (this.#known.size > LIMITS.knownAddressCountMax) this.#known.delete(this.#known.keys().next().value!);
  }
}

/** Cookies are shared by all ports of a host, and several consoles may run on one: each has its own name. */
function cookieName(request: FastifyRequest): string {
  const [, port = 'default'] = /:(\d+)$/.exec(request.headers.host ?? '') ?? [];
  return `skuprt-console-${port}`;
}

export function sessionCookie(request: FastifyRequest, id: string | undefined): string {
  const life = id === undefined ? 0 : Math.floor(LIMITS.sessionLifeMs / 1000);
  const secure = isSecure(request) ? '; Secure' : '';
  return `${cookieName(request)}=${id ?? ''}; Path=/; Max-Age=${life}; HttpOnly; SameSite=Strict${secure}`;
}

function isSecure({ protocol, headers }: FastifyRequest): boolean {
  // A proxy that ends TLS says so; whoever else does takes a cookie from itself.
  return protocol === 'https' || headers['x-forwarded-proto'] === 'https';
}

function sessionIdOf(request: FastifyRequest): string | undefined {
  const name = cookieName(request);
  const cookies = (request.headers.cookie ?? '').split(';').map((one) => one.trim());
  const found = cookies.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  // Sessions of bearers are nobody's cookie.
  return found === undefined || found.startsWith('bearer:') ? undefined : found;
}
