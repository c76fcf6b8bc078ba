/**
 * What this router knows of who the others are, and what it tells them (docs/adr/0032): it introduces its neighbours whose certificates
 * name their sites, passes on the introductions that it believes, and works out whom it believes.
 *
 * Sans-I/O: the owner feeds what neighbours say and drains `next()`. Introductions go by direct links only: whoever can be believed is
 * reached by a chain of them, and along the same chain what is needed for that has come.
 */
import type { OwnSite } from './client.ts';
import {
  type Introduction,
  introductionText,
  type ReadIntroduction,
  type RouterIdentity,
  readIntroduction,
} from './introduction.ts';
import { Introductions, type Kept } from './introductions.ts';
import type { Keyring } from './keys.ts';
import { INTRODUCTION_REPEAT_MS } from './limits.ts';
import { type NeighbourFacts, Neighbours } from './neighbours.ts';
import { isSignedBy } from './signed-text.ts';
import { type Belief, beliefKey, findTrust, NO_TRUST, type Self, type Trust } from './trust.ts';

export interface IdentityParts {
  routerId: string;
  keys: Keyring;
  site: () => OwnSite;
  /** For people. */
  log?: (message: string, fields: Record<string, unknown>) => void;
}

/** What is to be sent to a neighbour. */
export interface Outgoing {
  readonly connection: number;
  readonly text: string;
}

const EXPIRY_POLL_MS = 5000;

export class Identity {
  readonly keys: Keyring;
  readonly neighbours = new Neighbours();
  readonly introductions = new Introductions();
  /** Another number after each change of who is believed. */
  revision = 0;
  /** Introductions whose signatures are not good, since the start. */
  forgedCount = 0;
  private readonly parts: IdentityParts;
  private known: Trust = NO_TRUST;
  private isStale = false;
  /** Connections that introductions can be sent by. */
  private readonly listeners = new Set<number>();
  private outgoing: Outgoing[] = [];
  /** Of this router's own introductions. */
  private sequence = 0;
  private readonly repeatAt = new Map<string, number>();
  private now: number;
  private nextLookAt: number;

  constructor(parts: IdentityParts, now: number) {
    this.parts = parts;
    this.keys = parts.keys;
    this.now = now;
    this.nextLookAt = now + EXPIRY_POLL_MS;
  }

  get self(): Self {
    const { siteId, siteName } = this.parts.site();
    return { router: this.parts.routerId, key: this.keys.publicKey, siteId, siteName };
  }

  get trust(): Trust {
    if (this.isStale) this.search();
    return this.known;
  }

  belief(router: string, key: string): Belief | undefined {
    return this.trust.beliefs.get(beliefKey(router, key));
  }

  // ---- neighbours

  /**
   * Why a connection to another router is not to be used, before anything else is said of it.
   * @returns undefined when nothing speaks against it
   */
  refusal({ router, certified, siteId }: NeighbourFacts): string | undefined {
    if (certified === undefined) return undefined;
    if (siteId !== undefined && siteId !== certified)
      return `the router says that it is of site ${siteId}, its certificate is of site ${certified}`;
    const other = this.siteOf(router);
    if (other === undefined || other === certified) return undefined;
    return `its certificate is of site ${certified}, and router ${router} is known as one of site ${other}`;
  }

  opened(connection: number, facts: NeighbourFacts, now: number): void {
    this.now = now;
    if (!this.neighbours.opened(connection, facts)) return;
    this.isStale = true;
    this.introduce(facts.router);
  }

  closed(connection: number, now: number): void {
    this.now = now;
    this.listeners.delete(connection);
    this.outgoing = this.outgoing.filter((each) => each.connection !== connection);
    this.neighbours.closed(connection, now);
    this.introductions.closed(connection);
  }

  /** The neighbour takes introductions: it gets all that are believed here. */
  listens(connection: number, now: number): void {
    this.now = now;
    this.settle();
    this.listeners.add(connection);
    for (const { by, byKey, from, text } of this.introductions.all()) {
      if (from !== connection && this.isBelieved(by, byKey)) this.outgoing.push({ connection, text });
    }
  }

  /**
   * Who is believed is worked out at the end of the turn, not for each that comes: those by routers that only then are wait so long.
   * @returns what is wrong with it, for people
   */
  receive(connection: number, text: string, now: number): string | undefined {
    this.now = now;
    const introduction = readIntroduction(text);
    if (introduction === undefined) return 'an introduction cannot be read';
    if (introduction.byKey === this.keys.publicKey) return undefined;
    if (!this.introductions.isNews(introduction)) return undefined;
    if (!this.isBelieved(introduction.by, introduction.byKey)) this.introductions.wait(introduction, connection);
    else if (!this.take(introduction, connection))
      return `an introduction by router ${introduction.by} is not signed by it`;
    return undefined;
  }

  // ---- time

  deadline(): number {
    return this.nextLookAt;
  }

  tick(now: number): void {
    this.now = now;
    if (now < this.nextLookAt) return;
    this.nextLookAt = now + EXPIRY_POLL_MS;
    for (const gone of this.neighbours.expire(now)) {
      this.isStale = true;
      this.repeatAt.delete(gone.router);
      this.say(gone, true);
    }
    for (const [router, at] of this.repeatAt) if (at <= now) this.introduce(router);
    if (this.introductions.expire(now)) this.isStale = true;
  }

  /** What is to be sent, in order. */
  next(): Outgoing | undefined {
    this.settle();
    return this.outgoing.shift();
  }

  // ---- for the parts

  /** The site that a router is known as one of, where that is certain. */
  siteOf(router: string): string | undefined {
    if (router === this.parts.routerId) return this.parts.site().siteId;
    const neighbour = this.neighbours.find(router);
    if (neighbour !== undefined) return neighbour.siteId;
    for (const belief of this.trust.beliefs.values()) {
      if (belief.router === router && belief.rival === undefined) return belief.siteId;
    }
    return undefined;
  }

  /** By the last search. */
  private isBelieved(router: string, key: string): boolean {
    if (key === this.keys.publicKey && router === this.parts.routerId) return true;
    const belief = this.known.beliefs.get(beliefKey(router, key));
    return belief !== undefined && belief.rival === undefined;
  }

  private introduce(router: string): void {
    const of = this.neighbours.find(router);
    if (of === undefined) return;
    this.repeatAt.set(router, this.now + INTRODUCTION_REPEAT_MS);
    this.say(of, false);
  }

  private say(of: RouterIdentity, gone: boolean): void {
    this.sequence++;
    const { routerId: by, keys } = this.parts;
    const made: Introduction = { by, byKey: keys.publicKey, sequence: this.sequence, gone, of };
    const read = readIntroduction(introductionText(keys, made));
    const kept = read && this.introductions.keep(read, 0, this.now);
    if (kept) this.spread(kept);
  }

  /** @returns false when its signature is not good */
  private take(introduction: ReadIntroduction, from: number): boolean {
    if (!isSignedBy(this.keys, introduction.byKey, 'introduction', introduction.signed)) {
      this.forgedCount++;
      return false;
    }
    const kept = this.introductions.keep(introduction, from, this.now);
    if (kept?.isChange) this.isStale = true;
    if (kept) this.spread(kept);
    return true;
  }

  private spread({ text, from }: Kept): void {
    for (const connection of this.listeners) if (connection !== from) this.outgoing.push({ connection, text });
  }

  private settle(): void {
    if (this.isStale) this.search();
  }

  /** Who waits may be believed by what is believed now, and so on. */
  private search(): void {
    while (this.isStale) {
      this.isStale = false;
      const before = this.known;
      const by = (router: string, key: string): Iterable<Kept> => this.introductions.by(router, key);
      this.known = findTrust(this.self, this.neighbours.identities(), by, before);
      this.revision++;
      this.tell(before, this.known);
      this.spreadOf(before);
      for (const { introduction, from } of this.introductions.takeWaiting((...who) => this.isBelieved(...who))) {
        if (this.introductions.isNews(introduction)) this.take(introduction, from);
      }
    }
  }

  /** Of who is believed again, others may have missed something meanwhile. */
  private spreadOf(before: Trust): void {
    for (const [key, { router, key: publicKey, rival }] of this.known.beliefs) {
      const known = before.beliefs.get(key);
      if (rival !== undefined || (known !== undefined && known.rival === undefined)) continue;
      for (const kept of this.introductions.by(router, publicKey)) this.spread(kept);
    }
  }

  private tell(before: Trust, after: Trust): void {
    const { log } = this.parts;
    if (log === undefined) return;
    for (const [key, { router, siteId, rival }] of after.beliefs) {
      if (rival === undefined || before.beliefs.get(key)?.rival === rival) continue;
      log('a router is said to be of two sites: the nearer word counts', { router, site: rival, otherSite: siteId });
    }
    for (const [siteName, sites] of after.ambiguous) {
      if (before.ambiguous.get(siteName)?.length === sites.length) continue;
      log('several sites have one name: it means the first of them', {
        siteName,
        site: after.siteNames.get(siteName),
        sites,
      });
    }
  }
}
