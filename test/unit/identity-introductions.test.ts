/** What one router makes of introductions: which it believes, keeps and passes on. */
import { describe, expect, it } from 'vitest';
import { Identity } from '../../router/identity/identity.ts';
import { introductionText, readIntroduction } from '../../router/identity/introduction.ts';
import { Introductions } from '../../router/identity/introductions.ts';
import type { Keyring } from '../../router/identity/keys.ts';
import { INTRODUCTION_LEASE_MS, INTRODUCTION_REPEAT_MS, INTRODUCTIONS_MAX } from '../../router/identity/limits.ts';
import { makeKeyring } from '../../router/io/identity-keys.ts';

const KEYS = { N: makeKeyring(), Q: makeKeyring(), R: makeKeyring() };
type Name = keyof typeof KEYS;

/** `of` is of the site of its name in small letters. */
function said(by: Name, of: Name, sequence: number, gone = false, keys: Keyring = KEYS[by]): string {
  const about = { router: of, key: KEYS[of].publicKey, siteId: of.toLowerCase() };
  return introductionText(keys, { by, byKey: KEYS[by].publicKey, sequence, gone, of: about });
}

/** A router with a link to N. */
function router(): Identity {
  const identity = new Identity({ routerId: 'X', keys: makeKeyring(), site: () => ({ siteId: 'x' }) }, 0);
  identity.opened(1, { router: 'N', certified: 'n', siteId: 'n', key: KEYS.N.publicKey }, 0);
  return identity;
}

/** A turn in which it has heard this of N. */
function hear(identity: Identity, text: string, now: number): void {
  identity.tick(now);
  identity.receive(1, text, now);
  told(identity, 1);
}

function isBelieved(identity: Identity, name: Name): boolean {
  const belief = identity.belief(name, KEYS[name].publicKey);
  return belief !== undefined && belief.rival === undefined;
}

/** Whom a connection is told of, and by whom, in order. */
function told(identity: Identity, connection: number): string[] {
  const texts: string[] = [];
  for (let next = identity.next(); next !== undefined; next = identity.next()) {
    if (next.connection !== connection) continue;
    const [by, , , gone, of] = JSON.parse(next.text.slice(87)) as string[];
    texts.push(`${by} ${of}${Number(gone) === 1 ? ' gone' : ''}`);
  }
  return texts;
}

describe('introductions', () => {
  it('are believed in whatever order they come, and passed on when they are', () => {
    const identity = router();
    identity.listens(2, 0);
    expect(told(identity, 2)).toEqual(['X N']);
    identity.receive(1, said('Q', 'R', 1), 0);
    expect(isBelieved(identity, 'R')).toBe(false);
    expect(told(identity, 2)).toEqual([]);
    identity.receive(1, said('N', 'Q', 1), 0);
    expect(isBelieved(identity, 'R')).toBe(true);
    expect(told(identity, 2)).toEqual(['N Q', 'Q R']);
  });

  it('of one turn are weighed together: a thousand cost one search', () => {
    const identity = router();
    identity.listens(2, 0);
    told(identity, 2);
    const { revision } = identity;
    const { publicKey } = KEYS.R;
    for (let i = 0; i < 1000; i++) {
      const of = { router: `R${i}`, key: publicKey, siteId: 'r' };
      const made = { by: 'N', byKey: KEYS.N.publicKey, sequence: i, gone: false, of };
      identity.receive(1, introductionText(KEYS.N, made), 0);
    }
    expect(told(identity, 2)).toHaveLength(1000);
    expect(identity.revision).toBe(revision + 1);
    expect(identity.belief('R999', publicKey)).toMatchObject({ via: ['n'] });
  });

  it('of this router find room whatever others tell', () => {
    const introductions = new Introductions();
    const about = readIntroduction(said('N', 'Q', 1))!;
    for (let i = 0; i < INTRODUCTIONS_MAX; i++)
      introductions.keep({ ...about, of: { ...about.of, router: `Q${i}` } }, 1, 0);
    const own = readIntroduction(said('R', 'N', 1))!;
    expect(introductions.keep(own, 1, 0)).toBeUndefined();
    expect(introductions.keep(own, 0, 0)).toBeDefined();
    expect(introductions.count).toBe(INTRODUCTIONS_MAX + 1);
  });

  it('that are played again change nothing', () => {
    const identity = router();
    const first = said('N', 'Q', 1);
    identity.receive(1, first, 0);
    identity.receive(1, said('N', 'Q', 2, true), 0);
    expect(isBelieved(identity, 'Q')).toBe(false);
    identity.listens(2, 0);
    told(identity, 2);
    identity.receive(1, first, 0);
    expect(isBelieved(identity, 'Q')).toBe(false);
    expect(told(identity, 2)).toEqual([]);
  });

  it('that were made long before what has come since are old, also when nothing else is known of whom they are about', () => {
    const identity = router();
    const HOUR_MS = 3_600_000;
    const old = said('N', 'Q', 7);
    hear(identity, old, 0);
    hear(identity, said('N', 'Q', 8, true), 0);
    for (let now = 0; now <= HOUR_MS; now += INTRODUCTION_REPEAT_MS) {
      hear(identity, said('N', 'R', 9 + now / INTRODUCTION_REPEAT_MS), now);
    }
    expect(isBelieved(identity, 'R')).toBe(true);
    hear(identity, old, HOUR_MS);
    hear(identity, said('N', 'Q', 20), HOUR_MS);
    expect(isBelieved(identity, 'Q')).toBe(false);
    hear(identity, said('N', 'Q', 99), HOUR_MS);
    expect(isBelieved(identity, 'Q')).toBe(true);
  });

  it('of a router that has been silent are remembered by how far it had come', () => {
    const identity = router();
    const old = said('N', 'Q', 7);
    hear(identity, old, 0);
    expect(isBelieved(identity, 'Q')).toBe(true);
    identity.tick(INTRODUCTION_LEASE_MS);
    expect([isBelieved(identity, 'Q'), identity.introductions.count]).toEqual([false, 1]);
    hear(identity, old, INTRODUCTION_LEASE_MS);
    expect(isBelieved(identity, 'Q')).toBe(false);
    hear(identity, said('N', 'Q', 8), INTRODUCTION_LEASE_MS);
    expect(isBelieved(identity, 'Q')).toBe(true);
  });

  it('of a router that is believed again reach those who came meanwhile', () => {
    const identity = router();
    identity.receive(1, said('N', 'Q', 1), 0);
    identity.receive(1, said('Q', 'R', 1), 0);
    identity.receive(1, said('N', 'Q', 2, true), 0);
    identity.listens(2, 0);
    expect(told(identity, 2)).toEqual(['X N', 'N Q gone']);
    identity.receive(1, said('N', 'Q', 3), 0);
    expect(told(identity, 2)).toEqual(['N Q', 'Q R']);
  });

  it('do not go back to where they came from, and none goes to a connection that is gone', () => {
    const identity = router();
    identity.listens(1, 0);
    identity.listens(2, 0);
    identity.receive(1, said('N', 'Q', 1), 0);
    identity.closed(2, 0);
    expect(told(identity, 1)).toEqual(['X N']);
    identity.receive(1, said('N', 'Q', 2), 0);
    expect(identity.next()).toBeUndefined();
  });

  it('in the own name are nobody else’s, and those that cannot be read are told', () => {
    const identity = router();
    const about = { router: 'R', key: KEYS.R.publicKey, siteId: 'r' };
    const own = { by: 'X', byKey: identity.keys.publicKey, sequence: 99, gone: false, of: about };
    expect(identity.receive(1, introductionText(KEYS.N, own), 0)).toBeUndefined();
    expect(isBelieved(identity, 'R')).toBe(false);
    expect(identity.receive(1, 'nonsense', 0)).toContain('cannot be read');
    expect(identity.receive(1, said('N', 'Q', 1, false, KEYS.R), 0)).toContain('not signed');
  });
});

describe('the name of a site', () => {
  it('stays with who had it first, whatever others call themselves', () => {
    const identity = new Identity({ routerId: 'X', keys: makeKeyring(), site: () => ({ siteId: 'x' }) }, 0);
    const meets = (connection: number, id: string, siteId: string) => {
      const key = makeKeyring().publicKey;
      identity.opened(connection, { router: id, certified: siteId, siteId, siteName: 'prod', key }, 0);
      return identity.trust;
    };
    expect(meets(1, 'zulu', 'z').siteNames.get('prod')).toBe('z');
    const after = meets(2, 'alpha', 'a');
    expect(after.siteNames.get('prod')).toBe('z');
    expect(after.ambiguous.get('prod')).toEqual(['z', 'a']);
  });

  it('is none where it is the id of a site, or could be: ids are proven, names are not', () => {
    const UNKNOWN = '5f3c1a52-8d0e-4a53-9a35-0b6a2f2a9c11';
    const identity = new Identity({ routerId: 'X', keys: makeKeyring(), site: () => ({ siteId: 'x' }) }, 0);
    const names = { north: 'id-of-east', south: UNKNOWN, west: 'x', east: 'honest' };
    for (const [at, [id, siteName]] of Object.entries(names).entries()) {
      const certified = `id-of-${id}`;
      identity.opened(at, { router: id, certified, siteName, key: makeKeyring().publicKey }, 0);
    }
    expect([...identity.trust.siteNames]).toEqual([['honest', 'id-of-east']]);
  });
});
