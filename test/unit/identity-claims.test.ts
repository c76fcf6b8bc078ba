/** Claims about clients: what they carry, for what they hold, and what is believed of them. */
import { describe, expect, it } from 'vitest';
import type { PolicyClient } from '../../lib/policy/types.ts';
import { claimText, readClaim } from '../../router/identity/claim.ts';
import { Claims } from '../../router/identity/claims.ts';
import { CLIENTS_KEPT_MAX, Clients } from '../../router/identity/client.ts';
import { Identity } from '../../router/identity/identity.ts';
import { isPublicKey, type Keyring } from '../../router/identity/keys.ts';
import {
  CLAIM_BODY_BYTES_MAX,
  CLAIM_BYTES_MAX,
  CLAIM_LIFETIME_MS,
  CLAIM_RENEWAL_MS,
  CLOCK_TOLERANCE_MS,
} from '../../router/identity/limits.ts';
import { WorkloadTable } from '../../router/identity/workloads.ts';
import { makeKeyring } from '../../router/io/identity-keys.ts';

const WALL_MS = 1_800_000_000_000;

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const SIGNATURE_LENGTH = 86;

/** Counts what is signed and checked. */
function counting(keys: Keyring): Keyring & { signed: number; checked: number } {
  const counted = {
    publicKey: keys.publicKey,
    signed: 0,
    checked: 0,
    sign: (bytes: Buffer) => {
      counted.signed++;
      return keys.sign(bytes);
    },
    verify: (...what: Parameters<Keyring['verify']>) => {
      counted.checked++;
      return keys.verify(...what);
    },
  };
  return counted;
}

class End {
  readonly keys = counting(makeKeyring());
  readonly id: string;
  readonly workloads = new WorkloadTable();
  readonly identity: Identity;
  readonly claims: Claims;
  readonly clients: Clients;
  now = 0;

  constructor(id: string, siteId: string, siteName = `name of ${siteId}`) {
    this.id = id;
    const site = { siteId, siteName };
    this.identity = new Identity({ routerId: id, keys: this.keys, site: () => site }, 0);
    this.claims = new Claims({
      identity: this.identity,
      routerId: id,
      now: () => this.now,
      wall: (ms) => WALL_MS + ms,
    });
    this.clients = new Clients({ site: () => site, workloads: this.workloads, believer: this.claims });
  }

  /** It has a link to another router, whose certificate names a site. */
  meets(connection: number, other: End, certified = other.identity.self.siteId): void {
    const { siteId, siteName, key } = other.identity.self;
    this.identity.opened(connection, { router: other.id, certified, siteId, siteName, key }, this.now);
  }

  claimOf(listener = 'web', address = 'svc', host?: string): string {
    return this.clients.claimOf(this.clients.accepted(host, listener), address)!;
  }

  judge(claim: string | undefined, origin: { address?: string; ingress?: string; from?: number } = {}): PolicyClient {
    return this.clients.ofStream(this.clients.said(claim), { from: 1, address: 'svc', at: this.now, ...origin });
  }
}

function pair(): { west: End; east: End } {
  const [west, east] = [new End('west', 'w'), new End('east', 'e')];
  east.meets(1, west);
  return { west, east };
}

const POD = { namespace: 'shop', workload: 'cart', pod: 'cart-1', serviceAccount: 'cart', labels: { app: 'cart' } };

describe('a claim', () => {
  it('carries all that is known of the client, and is made and judged once', () => {
    const { west, east } = pair();
    west.workloads.change({ revision: 1, replace: true, set: new Map([['10.0.0.7', POD]]), gone: [] });
    const text = west.claimOf('web', 'svc', '::ffff:10.0.0.7');
    expect(west.claimOf('web', 'svc', '10.0.0.7')).toBe(text);
    const client = east.judge(text, { ingress: 'west' });
    expect(client).toEqual({ siteId: 'w', siteName: 'name of w', ...POD, listener: 'web', verification: 'link' });
    for (let i = 0; i < 100; i++) expect(east.judge(text)).toBe(client);
    expect({ signed: west.keys.signed, checked: east.keys.checked }).toEqual({ signed: 1, checked: 1 });
    expect(east.claims.counts).toMatchObject({ verified: 1, forged: 0, believed: 101, doubted: 0 });
  });

  it('is made anew before it lapses, for each listener, address and client', () => {
    const { west } = pair();
    const first = west.claimOf();
    west.now = CLAIM_RENEWAL_MS - 1;
    expect(west.claimOf()).toBe(first);
    west.now = CLAIM_RENEWAL_MS;
    expect(west.claimOf()).not.toBe(first);
    expect(new Set([west.claimOf('a'), west.claimOf('b'), west.claimOf('a', 'other')]).size).toBe(3);
  });

  it('leaves labels out that are too many, and says so; and is none when the names alone are', () => {
    const { west, east } = pair();
    const labels = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`label-${i}`, 'x'.repeat(20)]));
    const set = new Map([
      ['10.0.0.7', { ...POD, labels }],
      ['10.0.0.8', { ...POD, pod: 'x'.repeat(2000) }],
    ]);
    west.workloads.change({ revision: 1, replace: true, set, gone: [] });
    const { labels: gone, ...client } = east.judge(west.claimOf('web', 'svc', '10.0.0.7'));
    expect(gone).toBeUndefined();
    expect(client).toMatchObject({ pod: 'cart-1', verification: 'link', doubt: expect.stringContaining('labels') });
    const accepted = west.clients.accepted('10.0.0.8', 'web');
    expect(west.clients.claimOf(accepted, 'svc')).toBeUndefined();
    expect(Buffer.byteLength(west.claimOf('web', 'svc', '10.0.0.7'))).toBeLessThanOrEqual(CLAIM_BYTES_MAX);
    expect(CLAIM_BODY_BYTES_MAX + 87).toBeLessThanOrEqual(CLAIM_BYTES_MAX);
  });

  it('holds for its address, its router and its time only', () => {
    const { west, east } = pair();
    const text = west.claimOf();
    const doubtOf = (client: PolicyClient) => {
      expect(client).toMatchObject({ siteId: 'w', listener: 'web', verification: 'none' });
      return client.doubt;
    };
    expect(doubtOf(east.judge(text, { address: 'other' }))).toContain('another address');
    expect(doubtOf(east.judge(text, { ingress: 'middle' }))).toContain('router middle');
    const end = CLAIM_LIFETIME_MS + CLOCK_TOLERANCE_MS;
    east.now = end;
    expect(east.judge(text).verification).toBe('link');
    east.now = end + 1000;
    expect(doubtOf(east.judge(text))).toContain('too long ago');
    // Of a connection that came in time nothing lapses.
    expect(east.clients.ofStream(east.clients.said(text), { from: 1, address: 'svc', at: 0 }).verification).toBe(
      'link',
    );
  });

  it('is believed of nobody who did not sign it', () => {
    const { west, east } = pair();
    const [signature, body] = [west.claimOf().slice(0, 86), west.claimOf().slice(87)];
    const changed = `${signature}.${body.replace('"l":"web"', '"l":"wet"')}`;
    expect(east.judge(changed)).toMatchObject({ verification: 'none', doubt: expect.stringContaining('not signed') });
    // Another router's name over the own key, and the own name over another's key.
    const liar = new End('liar', 'w');
    const client = { siteId: 'w', listener: 'web' };
    const expiry = WALL_MS / 1000 + 600;
    const as = (router: string, key: string) =>
      claimText(liar.keys, { by: { router, key }, client, address: 'svc', expiry })!;
    expect(east.judge(as('west', west.keys.publicKey)).doubt).toContain('not signed');
    expect(east.judge(as('west', liar.keys.publicKey)).doubt).toContain('nobody');
    expect(east.claims.counts.forged).toBe(2);
  });

  it('of a router that is known as one of another site is not believed, whatever site it names', () => {
    const { east } = pair();
    const liar = new End('liar', 'w');
    east.meets(2, liar, 'l');
    expect(east.judge(liar.claimOf())).toMatchObject({
      siteId: 'w',
      verification: 'none',
      doubt: expect.stringContaining('router liar is of site l'),
    });
  });

  it('is judged anew when its router becomes known, and is the same object while nothing changes', () => {
    const [west, east] = [new End('west', 'w'), new End('east', 'e')];
    const text = west.claimOf();
    const before = east.judge(text);
    expect(before.verification).toBe('none');
    east.meets(1, west);
    expect(east.judge(text).verification).toBe('link');
    const known = east.judge(text);
    east.meets(2, new End('other', 'o'));
    expect(east.judge(text)).toBe(known);
    expect(east.keys.checked).toBe(1);
  });

  it('of a site whose name another one has says its id only', () => {
    const east = new End('east', 'e');
    const [first, second] = [new End('first', 'one', 'prod'), new End('second', 'two', 'prod')];
    east.meets(1, first);
    expect(east.judge(first.claimOf())).toMatchObject({ siteId: 'one', siteName: 'prod' });
    east.meets(2, second);
    expect(east.judge(first.claimOf())).toMatchObject({ siteId: 'one', siteName: 'prod' });
    const other = east.judge(second.claimOf());
    expect(other).toMatchObject({ siteId: 'two', verification: 'link', doubt: expect.stringContaining('prod') });
    expect(other.siteName).toBeUndefined();
  });

  it('of the own site, or of a router that has taken its name, is local only by a way within the site', () => {
    const east = new End('east', 'e');
    const [own, copy] = [new End('east-2', 'e'), new End('copy', 'c', 'name of e')];
    east.meets(1, own);
    east.meets(2, copy);
    expect(east.judge(own.claimOf())).toMatchObject({ siteId: 'e', siteName: 'name of e', verification: 'local' });
    expect(east.judge(copy.claimOf())).toMatchObject({ siteId: 'c', siteName: undefined, verification: 'link' });
    expect(east.judge(east.claimOf(), { from: 0 })).toMatchObject({ siteId: 'e', verification: 'local' });
  });
});

describe('a stream without a claim', () => {
  it('is of the site of the neighbour that it began at, or of nobody', () => {
    const { east } = pair();
    expect(east.judge(undefined, { ingress: 'west' })).toMatchObject({ siteId: 'w', verification: 'link' });
    expect(east.judge(undefined, { ingress: 'beyond' })).toEqual({
      verification: 'none',
      doubt: expect.stringContaining('nothing'),
    });
    expect(east.judge(undefined, {})).toMatchObject({ verification: 'none' });
    expect(east.judge(undefined, { ingress: 'east', from: 99 })).toMatchObject({ siteId: 'e', verification: 'local' });
    expect(east.claims.counts.absent).toBe(4);
  });
});

describe('clients that are accepted here', () => {
  it('are the same object while nothing changes, and another when their workload does', () => {
    const { west } = pair();
    const set = (revision: number, workload: string, replace: boolean) =>
      west.workloads.change({ revision, replace, set: new Map([['10.0.0.7', { ...POD, workload }]]), gone: [] });
    expect(west.clients.knows('10.0.0.7')).toBe(false);
    set(1, 'cart', true);
    const before = west.clients.accepted('10.0.0.7', 'web');
    expect(before).toMatchObject({ siteId: 'w', workload: 'cart', verification: 'local' });
    set(2, 'cart', true);
    expect(west.clients.accepted('10.0.0.7', 'web')).toBe(before);
    set(3, 'order', false);
    expect(west.clients.accepted('10.0.0.7', 'web')).toMatchObject({ workload: 'order' });
    west.workloads.change({ revision: 4, replace: false, set: new Map(), gone: ['10.0.0.7'] });
    const unknown = west.clients.accepted('10.0.0.7', 'web');
    expect(unknown.workload).toBeUndefined();
    expect(west.clients.accepted(undefined, 'web')).toBe(unknown);
  });
});

describe('very many clients', () => {
  it('are not all remembered: what is kept of each goes with it', () => {
    const { west } = pair();
    const first = west.clients.accepted(undefined, 'web');
    const hosts = Array.from({ length: CLIENTS_KEPT_MAX / 8 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    west.workloads.change({
      revision: 1,
      replace: true,
      set: new Map(hosts.map((host) => [host, { ...POD, pod: host }])),
      gone: [],
    });
    const listeners = Array.from({ length: 8 }, (_, i) => `listener ${i}`);
    const come = (host: string) => listeners.map((listener) => west.clients.accepted(host, listener));
    for (const host of hosts.slice(1)) come(host);
    expect(west.clients.accepted(undefined, 'web')).toBe(first);
    come(hosts[0]!);
    expect(west.clients.accepted(undefined, 'web')).not.toBe(first);
    expect(west.clients.accepted(hosts[0], 'listener 7')).toBe(west.clients.accepted(hosts[0], 'listener 7'));
  });
});

describe('the table of workloads', () => {
  it('takes a replacement in several messages, and nothing that is older', () => {
    const table = new WorkloadTable();
    const change = (revision: number, replace: boolean, ...hosts: string[]) =>
      table.change({ revision, replace, set: new Map(hosts.map((host) => [host, POD])), gone: [] });
    change(5, true, '10.0.0.1', '10.0.0.2');
    expect(change(5, false, '10.0.0.3')).toBeUndefined();
    expect(table.count).toBe(3);
    expect(change(4, false, '10.0.0.4')).toContain('older');
    // A control plane that has started anew counts anew.
    expect(change(1, true, 'FD00::1')).toBeUndefined();
    expect(table.count).toBe(1);
    expect(table.of('fd00::1%eth0')).toEqual(POD);
  });

  it('takes no more than it may', () => {
    const table = new WorkloadTable();
    const hosts = new Map(Array.from({ length: 100_001 }, (_, i) => [`host-${i}`, POD]));
    expect(table.change({ revision: 1, replace: true, set: hosts, gone: [] })).toContain('100000');
    expect(table.count).toBe(0);
  });
});

describe('keys', () => {
  it('sign for themselves, and what is no key has signed nothing', () => {
    const [one, other] = [makeKeyring(), makeKeyring()];
    const bytes = Buffer.from('word');
    expect(isPublicKey(one.publicKey)).toBe(true);
    expect(one.verify(one.publicKey, bytes, one.sign(bytes))).toBe(true);
    expect(one.verify(other.publicKey, bytes, one.sign(bytes))).toBe(false);
    expect(one.verify('no key', bytes, one.sign(bytes))).toBe(false);
    expect(one.verify(one.publicKey, bytes, Buffer.alloc(64))).toBe(false);
  });

  it('and signatures have one text each: the bits that base64url has too many are none', () => {
    const keys = makeKeyring();
    const text = claimText(keys, { by: { router: 'A', key: keys.publicKey }, address: 'svc', expiry: 5, client: {} })!;
    const [signature, body] = [text.slice(0, SIGNATURE_LENGTH), text.slice(SIGNATURE_LENGTH)];
    for (const same of sameOctets(signature)) expect(readClaim(`${same}${body}`), same).toBeUndefined();
    for (const same of sameOctets(keys.publicKey)) expect(isPublicKey(same), same).toBe(false);
    expect(readClaim(text)).toBeDefined();
  });

  it('are read from what can be a claim only', () => {
    expect(readClaim('')).toBeUndefined();
    expect(readClaim(`${'A'.repeat(86)}.{}`)).toBeUndefined();
    expect(readClaim(`${'A'.repeat(86)}.${'x'.repeat(CLAIM_BYTES_MAX)}`)).toBeUndefined();
  });
});

/** The other texts of base64url that a lenient reader takes for the same octets. */
function sameOctets(text: string): string[] {
  const octets = Buffer.from(text, 'base64url');
  const others = [...BASE64URL].map((last) => text.slice(0, -1) + last);
  const same = others.filter((other) => other !== text && Buffer.from(other, 'base64url').equals(octets));
  expect(same.length).toBeGreaterThan(0);
  return same;
}
