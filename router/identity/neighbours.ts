/**
 * The routers at the other ends of this router's connections: what their OPENs say of themselves, and what their certificates do. One that
 * has gone is known for a while yet, since it comes back, mostly.
 */
import { isName, type RouterIdentity } from './introduction.ts';
import { isPublicKey } from './keys.ts';
import { NEIGHBOUR_GRACE_MS } from './limits.ts';

/** What is known of a connection to another router. */
export interface NeighbourFacts {
  readonly router: string;
  /** The site in its certificate. */
  readonly certified?: string;
  /** What its OPEN says. */
  readonly siteId?: string;
  readonly siteName?: string;
  readonly key?: string;
}

/** What an OPEN may say under these names; what cannot be is not said. */
export function saidInOpen(siteId: unknown, siteName: unknown, key: unknown): Omit<NeighbourFacts, 'router'> {
  return {
    siteId: isName(siteId) ? siteId : undefined,
    siteName: isName(siteName) ? siteName : undefined,
    key: isPublicKey(key) ? key : undefined,
  };
}

interface Known {
  readonly identity: RouterIdentity;
  readonly connections: Set<number>;
  /** When it is forgotten. */
  until: number;
}

export class Neighbours {
  private readonly connections = new Map<number, NeighbourFacts>();
  /** Those of whom certificate and key are known, by router id. */
  private readonly known = new Map<string, Known>();

  /** @returns whether somebody is known better than before */
  opened(connection: number, facts: NeighbourFacts): boolean {
    this.connections.set(connection, facts);
    const { router, certified, key, siteName } = facts;
    if (certified === undefined || key === undefined) return false;
    const identity = { router, key, siteId: certified, siteName };
    const before = this.known.get(router);
    if (before !== undefined && isSame(before.identity, identity)) {
      before.connections.add(connection);
      before.until = Number.POSITIVE_INFINITY;
      return false;
    }
    const connections = new Set([...(before?.connections ?? []), connection]);
    this.known.set(router, { identity, connections, until: Number.POSITIVE_INFINITY });
    return true;
  }

  closed(connection: number, now: number): void {
    const router = this.connections.get(connection)?.router ?? '';
    this.connections.delete(connection);
    const known = this.known.get(router);
    if (known?.connections.delete(connection) && known.connections.size === 0) known.until = now + NEIGHBOUR_GRACE_MS;
  }

  /** @returns those that are forgotten now */
  expire(now: number): RouterIdentity[] {
    const gone: RouterIdentity[] = [];
    for (const [router, { identity, until }] of this.known) {
      if (until > now) continue;
      this.known.delete(router);
      gone.push(identity);
    }
    return gone;
  }

  of(connection: number): NeighbourFacts | undefined {
    return this.connections.get(connection);
  }

  /** One whose certificate names that site, whether or not it has said a key. */
  certifiedOf(siteId: string): NeighbourFacts | undefined {
    for (const facts of this.connections.values()) if (facts.certified === siteId) return facts;
    return undefined;
  }

  *identities(): Iterable<RouterIdentity> {
    for (const { identity } of this.known.values()) yield identity;
  }

  find(router: string): RouterIdentity | undefined {
    return this.known.get(router)?.identity;
  }
}

function isSame(one: RouterIdentity, other: RouterIdentity): boolean {
  return one.key === other.key && one.siteId === other.siteId && one.siteName === other.siteName;
}
