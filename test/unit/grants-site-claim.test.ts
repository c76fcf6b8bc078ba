/** Which site the certificate for a redeemer may name: who holds a token cannot pass for another site. */
import { describe, expect, it } from 'vitest';
import type { AccessGrant } from '../../config/api/access-grant.ts';
import type { Secret } from '../../config/api/secret.ts';
import { createLogger } from '../../lib/log.ts';
import { siteIdOf } from '../../lib/site-identity.ts';
import { clientsOf, noteClient } from '../../site-controller/grants/clients.ts';
import { issueForGrant } from '../../site-controller/grants/issuers.ts';
import { Redemptions } from '../../site-controller/grants/redemptions.ts';
import { provenCa, siteProof } from '../../site-controller/grants/site-proof.ts';
import { createCa, type KeyPair } from '../../site-controller/pki/authority.ts';
import { inspectCertificate } from '../../site-controller/pki/inspect.ts';
import { createRequest } from '../../site-controller/pki/request.ts';
import { tlsMaterialOf, tlsSecret } from '../../site-controller/pki/secret.ts';
import type { Observed } from '../../site-controller/reconcile/observed.ts';
import { NOW, observed, remoteSite, resource } from '../support/observed.ts';

const DAY = 86_400_000;
const ca = (subject: string): KeyPair => createCa({ commonName: subject, validMs: 30 * DAY, now: NOW });
const [ISSUER, WEST, MALLORY] = ['issuer', 'west', 'mallory'].map(ca) as [KeyPair, KeyPair, KeyPair];
const fingerprint = ({ certificate }: KeyPair) => inspectCertificate(certificate).fingerprint;

/** A site that issues, with the notes that it keeps beside its CA. */
class Issuer {
  notes: Record<string, string> = {};
  private readonly observed: Observed;

  constructor(live: { id: string; name?: string; ca?: string }[] = []) {
    const roles = [{ name: 'inter-router', port: 55671 }];
    const access = resource('RouterAccess', 'skupper-router', { roles, bindHost: '192.0.2.7', tlsCredentials: 's' });
    const sites = live.map(({ id, name = id, ca: own }) => {
      const content = remoteSite(name);
      return { ...content, site: { ...content.site, id, ...(own !== undefined && { ca: own }) } };
    });
    this.observed = observed([resource('Site', 'here', { linkAccess: 'default' }), access], {
      network: { sites, settled: true, gone: new Set() },
      ports: new Map([['RouterAccess/skupper-router/inter-router', 55671]]),
    });
  }

  get id(): string {
    return this.site.uid!;
  }

  get name(): string {
    return this.site.name;
  }

  private get site(): { name: string; uid?: string } {
    return [...this.observed.resources.values()].find(({ kind }) => kind === 'Site')!.metadata;
  }

  /** The site that the certificate names; undefined when it names none. */
  redeem(
    subject: string,
    { by, csr, name = 'link', settings }: { by?: KeyPair; csr?: string; name?: string; settings?: object } = {},
  ): string | undefined {
    const secret: Secret = { ...tlsSecret('skupper-site-ca', ISSUER) };
    secret.metadata = {
      name: 'skupper-site-ca',
      labels: { 'internal.skupper.io/controlled': 'true' },
      annotations: this.notes,
    };
    const grant = resource('AccessGrant', 'g', settings === undefined ? {} : { settings }) as AccessGrant;
    const siteCa = by && fingerprint(by);
    const { resources, notes } = issueForGrant(
      this.observed,
      (wanted) => (wanted === 'skupper-site-ca' ? secret : undefined),
      grant,
      { name, subject, csr, siteCa },
      NOW,
    );
    for (const [key, text] of Object.entries(notes ?? {})) if (text !== null) this.notes[key] = text;
    const { certificate = '' } = tlsMaterialOf(resources[0] as Secret);
    return siteIdOf(inspectCertificate(certificate).uris);
  }
}

const csrOf = (subject: string) => createRequest({ subject }).csr;
const taken = expect.objectContaining({ code: 'SKUPRT_SITE_ID_TAKEN', message: expect.stringContaining('--for-site') });
const refused = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('the site in a certificate for a link', () => {
  it('is the one that the redeemer names, when nobody here knows it by then', () => {
    expect(new Issuer().redeem('west', { csr: csrOf('west') })).toBe('west');
    expect(new Issuer().redeem('west', { by: WEST, csr: csrOf('west') })).toBe('west');
    expect(new Issuer().redeem('west')).toBe('west');
  });

  it('is never the issuing site itself', () => {
    const issuer = new Issuer();
    for (const how of [
      {},
      { csr: csrOf('x') },
      { by: MALLORY, csr: csrOf('x') },
      { settings: { 'skuprt.io/for-site': issuer.id } },
    ]) {
      expect(refused(() => issuer.redeem(issuer.id, how))).toEqual(taken);
    }
  });

  it('stays with the site that had it first, which proves it by its own CA however often it links', () => {
    const issuer = new Issuer();
    expect(issuer.redeem('west', { by: WEST, csr: csrOf('west') })).toBe('west');
    expect(issuer.redeem('west', { by: WEST, csr: csrOf('west') })).toBe('west');
    expect(issuer.redeem('west', { by: WEST, csr: csrOf('west'), name: 'second' })).toBe('west');
    expect(refused(() => issuer.redeem('west', { by: MALLORY, csr: csrOf('west') }))).toEqual(taken);
    expect(refused(() => issuer.redeem('west', { csr: csrOf('west') }))).toEqual(taken);
    expect(refused(() => issuer.redeem('west', { name: 'another' }))).toEqual(taken);
  });

  it('is given again for the same certificate request', () => {
    const issuer = new Issuer();
    const csr = csrOf('west');
    expect(issuer.redeem('west', { csr })).toBe('west');
    expect(issuer.redeem('west', { csr })).toBe('west');
  });

  it('is known of sites that others let in, by the CA that they tell', () => {
    const issuer = new Issuer([{ id: 'west', ca: fingerprint(WEST) }]);
    expect(refused(() => issuer.redeem('west', { by: MALLORY, csr: csrOf('west') }))).toEqual(taken);
    expect(refused(() => issuer.redeem('west'))).toEqual(taken);
    expect(issuer.redeem('west', { by: WEST, csr: csrOf('west') })).toBe('west');
  });

  it('is left out for one that can prove nothing, where the id is one of the network', () => {
    const issuer = new Issuer([{ id: 'original' }]);
    expect(issuer.redeem('original')).toBeUndefined();
    expect(refused(() => issuer.redeem('original', { by: MALLORY, csr: csrOf('original') }))).toEqual(taken);
    const other = new Issuer();
    expect([other.redeem('original'), other.redeem('original')]).toEqual(['original', undefined]);
  });

  it('is no name of a site, by which policies know that', () => {
    const issuer = new Issuer([{ id: 'id-of-west', name: 'west' }]);
    for (const how of [{}, { csr: csrOf('x') }, { by: MALLORY, csr: csrOf('x') }])
      expect(refused(() => issuer.redeem('west', how))).toEqual(taken);
    expect(refused(() => issuer.redeem(issuer.name, { by: MALLORY, csr: csrOf('x') }))).toEqual(taken);
    expect(issuer.redeem('west', { settings: { 'skuprt.io/for-site': 'west' } })).toBe('west');
  });

  it('is what the issuer says where the grant is for one site, and for no other', () => {
    const issuer = new Issuer([{ id: 'west', ca: fingerprint(WEST) }]);
    const settings = { 'skuprt.io/for-site': 'west' };
    expect(issuer.redeem('west', { by: MALLORY, csr: csrOf('west'), settings })).toBe('west');
    expect(issuer.redeem('west', { settings })).toBe('west');
    expect(refused(() => issuer.redeem('north', { by: WEST, csr: csrOf('north'), settings }))).toEqual(taken);
  });

  it('keeps its proof over a renewal', () => {
    const client = { site: 'west', name: 'l', issuer: 'i', until: NOW + DAY, trusts: ['a'], since: NOW, renews: true };
    const first = noteClient({}, { ...client, key: 'k', siteCa: 'c' }, NOW) as Record<string, string>;
    const next = noteClient(first, { ...client, trusts: ['b'] }, NOW) as Record<string, string>;
    expect(clientsOf(next, NOW)).toMatchObject([{ trusts: ['b'], key: 'k', siteCa: 'c' }]);
  });
});

describe('the proof of a site', () => {
  const csr = csrOf('west');
  const about = { uid: 'g', name: 'l', subject: 'west', csr };

  it('names the CA by whose key it is', () => {
    expect(provenCa(siteProof(WEST, about), about)).toBe(fingerprint(WEST));
  });

  it.each(['uid', 'name', 'subject', 'csr'])('is worth nothing with another %s', (key) => {
    expect(provenCa(siteProof(WEST, about), { ...about, [key]: 'another' })).toBeUndefined();
  });

  it('is none by another key, nor of nonsense', () => {
    const forged = { certificate: WEST.certificate, privateKey: MALLORY.privateKey };
    expect(siteProof(forged, about)).toBeUndefined();
    const [certificate] = siteProof(WEST, about)!.split('.');
    const [, signature] = siteProof(MALLORY, about)!.split('.');
    for (const text of ['', '.', 'a.b', `${certificate}.`, `${certificate}.${signature}`, 'A'.repeat(10_000)]) {
      expect(provenCa(text, about)).toBeUndefined();
    }
  });

  it('reaches the decision, and a bad one does not', async () => {
    const seen: (string | undefined)[] = [];
    const grant = { uid: 'g', name: 'east', code: 'c', expiresAt: NOW + DAY, redemptionsAllowed: 9, redemptions: [] };
    const redemptions = new Redemptions({
      store: { get: async () => grant, record: async () => {} },
      issue: async (_, { siteCa }) => {
        seen.push(siteCa);
        return [];
      },
      clock: { now: () => 0, wall: () => NOW },
      log: createLogger({ name: 'test', level: 'silent' }),
    });
    const claim = { uid: 'g', code: 'c', remote: 'r', subject: 'west', name: 'l', csr };
    await redemptions.redeem({ ...claim, proof: siteProof(WEST, about)! });
    await redemptions.redeem({ ...claim, proof: siteProof(WEST, { ...about, uid: 'another' })! });
    expect(seen).toEqual([fingerprint(WEST), undefined]);
  });
});
