/**
 * Claims of this router about its clients, and what it believes of those of others. Both are kept: to make one, or to judge one that is
 * known, is a look-up.
 */
import type { PolicyClient } from '../../lib/policy/types.ts';
import { believed, nameMeant, SILENT } from './believed.ts';
import { type ClaimedClient, claimText, type ReadClaim, readClaim } from './claim.ts';
import type { Believer, Said, StreamOrigin } from './client.ts';
import type { Identity } from './identity.ts';
import {
  CLAIM_LIFETIME_MS,
  CLAIM_RENEWAL_MS,
  CLAIMS_PER_CLIENT_MAX,
  CLOCK_TOLERANCE_MS,
  JUDGED_CLAIMS_MAX,
} from './limits.ts';
import { isSignedBy } from './signed-text.ts';

export interface ClaimsParts {
  identity: Identity;
  routerId: string;
  /** Time of the turn, on the router's clock. */
  now: () => number;
  /** Milliseconds since 1970 of a time on the router's clock. */
  wall: (ms: number) => number;
}

/** What became of the claims of streams, for metrics. */
export interface ClaimCounts {
  made: number;
  /** Judged for the first time, each text once: those of the last are not signed by who they say. */
  verified: number;
  forged: number;
  /** Of streams. */
  believed: number;
  doubted: number;
  absent: number;
}

interface Made {
  readonly text: string | undefined;
  readonly until: number;
}

/** A claim as it has come, one for all streams that bring it; what it is worth is found out when somebody asks. */
class Judged implements Said {
  readonly text: string;
  claim: ReadClaim | undefined;
  isRead = false;
  isSigned = false;
  /** Of the trust by which `client` was made. */
  revision = -1;
  client: PolicyClient = UNREADABLE;

  constructor(text: string) {
    this.text = text;
  }
}

export class Claims implements Believer {
  readonly counts: ClaimCounts = { made: 0, verified: 0, forged: 0, believed: 0, doubted: 0, absent: 0 };
  private readonly parts: ClaimsParts;
  private made = new WeakMap<PolicyClient, Map<string, Made>>();
  /** By text, the one that came last at the end. */
  private readonly judged = new Map<string, Judged>();
  /** What is known of clients without claims, by what is said of them. */
  private readonly plain = new Map<string, PolicyClient>();
  private plainRevision = -1;

  constructor(parts: ClaimsParts) {
    this.parts = parts;
  }

  /** The claim that goes with a stream of a client of this router; undefined when there is none to make. */
  textFor(client: PolicyClient, address: string): string | undefined {
    const now = this.parts.wall(this.parts.now());
    const made = this.made.get(client) ?? new Map<string, Made>();
    this.made.set(client, made);
    const known = made.get(address);
    if (known !== undefined && known.until > now) return known.text;
    if (made.size >= CLAIMS_PER_CLIENT_MAX) made.clear();
    const { keys } = this.parts.identity;
    const by = { router: this.parts.routerId, key: keys.publicKey };
    const expiry = Math.ceil((now + CLAIM_LIFETIME_MS) / 1000);
    const text = claimText(keys, { by, client, address, expiry });
    this.counts.made++;
    made.set(address, { text, until: now + CLAIM_RENEWAL_MS });
    return text;
  }

  said(text: string): Said {
    const said = this.judged.get(text) ?? new Judged(text);
    this.judged.delete(said.text);
    this.judged.set(said.text, said);
    const [oldest] = this.judged.keys();
    if (this.judged.size > JUDGED_CLAIMS_MAX) this.judged.delete(oldest!);
    return said;
  }

  believe(said: Said | undefined, origin: StreamOrigin): PolicyClient {
    if (said === undefined) {
      this.counts.absent++;
      return this.withoutClaim(origin);
    }
    const client = this.clientOf(this.judge(said as Judged), origin);
    if (client.verification === 'none') this.counts.doubted++;
    else this.counts.believed++;
    return client;
  }

  unvouched(said: Said, origin: StreamOrigin): string | undefined {
    const { claim, isSigned } = this.judge(said as Judged);
    if (claim === undefined || !isSigned || this.streamDoubt(claim, origin) !== undefined) return undefined;
    const { router, key } = claim.by;
    const { identity, routerId } = this.parts;
    const isOwn = router === routerId && key === identity.keys.publicKey;
    // Who was asked for in vain is asked for anew when others are believed than then.
    return isOwn || identity.belief(router, key) ? undefined : `${identity.revision} ${router}`;
  }

  private judge(judged: Judged): Judged {
    const { identity } = this.parts;
    const { trust, revision } = identity;
    if (!judged.isRead) {
      const claim = readClaim(judged.text);
      judged.isRead = true;
      judged.claim = claim;
      judged.isSigned = claim !== undefined && isSignedBy(identity.keys, claim.by.key, 'claim', claim.signed);
      this.counts[judged.isSigned ? 'verified' : 'forged']++;
    }
    if (judged.revision === revision || judged.claim === undefined) return judged;
    judged.revision = revision;
    const client = judged.isSigned ? this.weighed(judged.claim, trust.siteNames) : unbelieved(judged.claim, FORGED);
    if (!isSameClient(client, judged.client)) judged.client = client;
    return judged;
  }

  private clientOf({ claim, client }: Judged, origin: StreamOrigin): PolicyClient {
    if (claim === undefined || client.verification === 'none') return client;
    const doubt = this.streamDoubt(claim, origin);
    return doubt === undefined ? client : unbelieved(claim, doubt);
  }

  /** What holds for one stream only. */
  private streamDoubt(claim: ReadClaim, { address, at, ingress }: StreamOrigin): string | undefined {
    if (claim.address !== address) return 'what is said of the client was said for another address';
    if (claim.expiry * 1000 + CLOCK_TOLERANCE_MS < this.parts.wall(at))
      return 'what is said of the client was said too long ago, or clocks differ';
    if (ingress !== undefined && ingress !== claim.by.router)
      return `the stream entered the network at router ${ingress}, which did not say it`;
    return undefined;
  }

  private weighed(claim: ReadClaim, siteNames: ReadonlyMap<string, string>): PolicyClient {
    const { identity, routerId } = this.parts;
    const { router, key } = claim.by;
    if (router === routerId && key === identity.keys.publicKey) return { ...claim.client, verification: 'local' };
    const belief = identity.belief(router, key);
    if (belief === undefined) return unbelieved(claim, `nobody who is believed here vouches for router ${router}`);
    const { siteId, rival } = belief;
    if (rival !== undefined)
      return unbelieved(claim, `router ${router} is known as one of site ${rival}, and was said to be of ${siteId}`);
    if (claim.client.siteId !== siteId)
      return unbelieved(claim, `router ${router} is of site ${siteId}, which is not what it says`);
    const doubts = claim.isShortened ? ['the labels of its pod were too many to travel'] : [];
    return believed(claim.client, belief, { siteNames, ownSiteId: identity.self.siteId }, doubts);
  }

  /** A router that says nothing of its clients is known by its certificate, where it is a neighbour. */
  private withoutClaim({ from, ingress }: StreamOrigin): PolicyClient {
    const { identity, routerId } = this.parts;
    if (this.plainRevision !== identity.revision || this.plain.size >= JUDGED_CLAIMS_MAX) {
      this.plain.clear();
      this.plainRevision = identity.revision;
    }
    const neighbour = identity.neighbours.of(from);
    const { certified = '', router = '' } = neighbour ?? {};
    const known = `${ingress ?? ''} ${router} ${certified}`;
    const client = this.plain.get(known) ?? this.plainClient(ingress, neighbour, routerId);
    this.plain.set(known, client);
    return client;
  }

  private plainClient(
    ingress: string | undefined,
    neighbour: ReturnType<Identity['neighbours']['of']>,
    routerId: string,
  ): PolicyClient {
    const { siteId: ownSiteId, siteName: ownSiteName } = this.parts.identity.self;
    if (ingress === routerId && neighbour === undefined) {
      return { siteId: ownSiteId, siteName: ownSiteName, verification: 'local', doubt: SILENT };
    }
    const siteId = neighbour?.certified;
    if (siteId === undefined || neighbour === undefined || ingress !== neighbour.router) return NOBODY;
    const siteName = nameMeant(this.parts.identity.trust.siteNames, { siteId, siteName: neighbour.siteName });
    return { siteId, siteName, verification: siteId === ownSiteId ? 'local' : 'link', doubt: SILENT };
  }
}

function unbelieved({ client }: { client: ClaimedClient }, doubt: string): PolicyClient {
  return { ...client, verification: 'none', doubt };
}

function isSameClient(one: PolicyClient, other: PolicyClient): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

const FORGED = 'what is said of the client is not signed by the router that it names';
const UNREADABLE: PolicyClient = { verification: 'none', doubt: 'what is said of the client cannot be read' };
const NOBODY: PolicyClient = {
  verification: 'none',
  doubt: 'the router of the client says nothing that could be believed',
};
