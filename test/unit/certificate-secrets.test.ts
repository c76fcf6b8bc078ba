/** Secrets of Certificates: what is made, what is made again, what is left alone. Mirrors the areas of control-plane reference 8.4. */
import { describe, expect, it } from 'vitest';
import type { Certificate } from '../../config/api/certificate.ts';
import type { Secret } from '../../config/api/secret.ts';
import { createCa, issueCertificate } from '../../site-controller/pki/authority.ts';
import { chainFault, fingerprintsOf, inspectCertificate, splitBundle } from '../../site-controller/pki/inspect.ts';
import { tlsMaterialOf, tlsSecret } from '../../site-controller/pki/secret.ts';
import {
  issueSecret,
  planCertificateSecrets,
  staleSecrets,
} from '../../site-controller/reconcile/certificate/issue.ts';
import { nextCertificateWork } from '../../site-controller/reconcile/certificate/plan.ts';
import { ROTATE_ANNOTATION, SPREAD_MS } from '../../site-controller/reconcile/certificate/rollover.ts';
import { wantedCertificate } from '../../site-controller/reconcile/certificate/want.ts';

const NOW = Date.parse('2030-01-01T00:00:00Z');
const DAY = 86_400_000;
const CA = wantedCertificate('ca', { ca: '', subject: 'site CA', signing: true });
const server = (spec: object = {}): Certificate =>
  wantedCertificate('server', { ca: 'ca', subject: 'router', hosts: ['b', 'a'], server: true, ...spec });

/** That of a RouterAccess. */
const ROUTERS: ReadonlySet<string> = new Set(['server']);

/** Passes over these Certificates until nothing is left to do. */
function settle(
  certificates: Certificate[],
  secrets = new Map<string, Secret>(),
  now = NOW,
  routers: ReadonlySet<string> = ROUTERS,
): Map<string, Secret> {
  for (let pass = 0; pass < 10; pass += 1) {
    const writes = planCertificateSecrets({ certificates, secrets, siteId: 'id', routers, now });
    if (writes.length === 0) return secrets;
    for (const { secret } of writes) secrets.set(secret.metadata.name, secret);
  }
  throw new Error('never settles');
}

const reasons = (certificates: Certificate[], secrets: Map<string, Secret>, now = NOW, routers = ROUTERS) =>
  planCertificateSecrets({ certificates, secrets, siteId: 'id', routers, now }).map(
    ({ secret, reason }) => `${secret.metadata.name}: ${reason}`,
  );
const material = (secrets: Map<string, Secret>, name: string) => tlsMaterialOf(secrets.get(name)!);
const facts = (secrets: Map<string, Secret>, name: string) => inspectCertificate(material(secrets, name).certificate!);

describe('the Secret of a Certificate', () => {
  it('names no site when it is for clients only: it may be handed to another', () => {
    const { spec, ...rest } = server();
    const secrets = settle([{ ...rest, spec: { ...spec, server: false, client: true } }, CA]);
    expect(facts(secrets, 'server').uris).toEqual([]);
  });

  it('names no site when it is of another server than a router, such as the console: who has it is no router', () => {
    expect(facts(settle([server(), CA], new Map(), NOW, new Set()), 'server').uris).toEqual([]);
  });

  it('is made anew when it names a site and should not, or does not and should', () => {
    const secrets = settle([server(), CA]);
    expect(reasons([server(), CA], secrets, NOW, new Set())).toEqual(['server: it is of another site, or no router']);
    settle([server(), CA], secrets, NOW, new Set());
    expect(facts(secrets, 'server').uris).toEqual([]);
    expect(reasons([server(), CA], secrets)).toEqual(['server: it is of another site, or no router']);
  });

  it('stays as Skupper has made it, which names no site', () => {
    const secrets = settle([server(), CA], new Map(), NOW, new Set());
    delete secrets.get('server')!.metadata.annotations!['skuprt.io/made-for'];
    expect(reasons([server(), CA], secrets)).toEqual([]);
  });

  it('is made with what it is for, trusts its CA, and bears the marks of a controller', () => {
    const secrets = settle([server(), CA]);
    expect(facts(secrets, 'server')).toMatchObject({
      subject: 'router',
      hosts: ['b', 'a'],
      uris: ['spiffe://skuprt/site/id'],
      isCa: false,
    });
    const { certificate, ca } = material(secrets, 'server');
    expect(chainFault(certificate!, ca!, NOW)).toBeUndefined();
    expect(ca).toBe(material(secrets, 'ca').ca);
    expect(secrets.get('server')!.metadata).toMatchObject({
      labels: { 'internal.skupper.io/controlled': 'true' },
      annotations: {
        'internal.skupper.io/controlled': 'true',
        'internal.skupper.io/certificate': 'true',
        'internal.skupper.io/hosts': 'a,b',
      },
    });
    expect(secrets.get('server')!.type).toBe('kubernetes.io/tls');
  });

  it.each([
    [{ server: true }, ['1.3.6.1.5.5.7.3.1']],
    [{ server: false, client: true }, ['1.3.6.1.5.5.7.3.2']],
    [{ server: true, client: true }, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']],
    [{ server: false }, ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']],
  ])('is for the purposes of %o', async (flags, purposes) => {
    const { X509Certificate } = await import('node:crypto');
    const { certificate } = material(settle([server(flags), CA]), 'server');
    expect(new X509Certificate(certificate!).keyUsage?.toSorted()).toEqual(purposes.toSorted());
  });

  it.each<[string, object, number, string[]]>([
    ['nothing changed', {}, NOW, []],
    ['its subject changed', { subject: 'other' }, NOW, ['server: its subject is another']],
    ['its hosts changed', { hosts: ['a'] }, NOW, ['server: its hosts are others']],
    ['its hosts are in another order, one twice', { hosts: ['a', 'b', 'a'] }, NOW, []],
    ['two thirds of its life are over', {}, NOW + 250 * DAY, ['server: it is to be renewed']],
    ['it has expired', {}, NOW + 366 * DAY, ['server: it has expired']],
    ['its CA is not there', { ca: 'none' }, NOW, []],
  ])('is judged when %s', (_what, spec, now, expected) => {
    const secrets = settle([server(), CA]);
    expect(reasons([server(spec), CA], secrets, now)).toEqual(expected);
  });

  it('is made again when its CA was replaced, and without marks or readable content', () => {
    const secrets = settle([server(), CA]);
    const { 'internal.skupper.io/hosts': _hosts, ...annotations } = secrets.get('server')!.metadata.annotations!;
    secrets.set('server', { ...secrets.get('server')!, metadata: { name: 'server', annotations } });
    expect(reasons([server(), CA], secrets)).toEqual([]);
    secrets.set('ca', settle([CA]).get('ca')!);
    expect(reasons([server(), CA], secrets)).toEqual(['server: its CA is another']);
    const damaged = { ...secrets.get('server')!, data: { 'tls.crt': 'bm9uc2Vuc2U=', 'tls.key': 'eA==' } };
    secrets.set('server', damaged);
    expect(reasons([server(), CA], secrets)).toEqual(['server: there is none']);
  });

  it('takes the place only of what was seen', () => {
    const secrets = settle([server(), CA]);
    const seen = secrets.get('server')!;
    secrets.set('server', { ...seen, metadata: { ...seen.metadata, resourceVersion: '7' } });
    const [write] = planCertificateSecrets({
      certificates: [server({ hosts: [] }), CA],
      secrets,
      siteId: '',
      routers: ROUTERS,
      now: NOW,
    });
    expect(write!.secret.metadata.resourceVersion).toBe('7');
    const [first] = planCertificateSecrets({
      certificates: [CA],
      secrets: new Map(),
      siteId: '',
      routers: ROUTERS,
      now: NOW,
    });
    expect(first!.secret.metadata.resourceVersion).toBeUndefined();
  });

  it('of a user is used and never written', () => {
    const own = createCa({ commonName: 'company CA', validMs: 100 * DAY, now: NOW });
    const given = tlsSecret('ca', own);
    const secrets = settle([server(), CA], new Map([['ca', given]]));
    expect(secrets.get('ca')).toBe(given);
    expect(facts(secrets, 'server').issuer).toBe('company CA');
    expect(material(secrets, 'server').ca).toBe(own.certificate);
    const leaf = tlsSecret('server', { certificate: 'rubbish', privateKey: 'x' });
    expect(settle([server(), CA], new Map([['server', leaf]])).get('server')).toBe(leaf);
  });

  it('is found stale when its Certificate is gone; those of users and of links are not', () => {
    const secrets = settle([server(), CA]);
    const others = [tlsSecret('user', {}), { ...tlsSecret('link', {}), metadata: secrets.get('ca')!.metadata }];
    others[1]!.metadata = { name: 'link', labels: { 'internal.skupper.io/controlled': 'true' } };
    expect(staleSecrets([CA], [...secrets.values(), ...others])).toEqual(['server']);
  });

  it.each([
    ['a comma in its subject', { subject: '127.0.0.1,127.0.0.1' }],
    ['a subject of more than ASCII', { subject: ' Zürich "ö" + <1>; \\\\ #' }],
    ['a host in upper case', { hosts: ['Router.Example', 'FD00::00:1', '*.example'] }],
    ['hosts that repeat and are empty', { hosts: ['a', '', 'a'] }],
    ['a life of no time', { settings: { 'skuprt.io/validity': '1ms' } }],
  ])('is made once with %s', (_what, spec) => {
    const secrets = settle([server(spec), CA]);
    expect(reasons([server(spec), CA], secrets)).toEqual([]);
    // Also where nothing is remembered but the certificate itself, as with one of Skupper's.
    const { annotations: _forgotten, ...metadata } = secrets.get('server')!.metadata;
    const mark = { 'internal.skupper.io/controlled': 'true' };
    secrets.set('server', { ...secrets.get('server')!, metadata: { ...metadata, annotations: mark } });
    expect(settle([server(spec), CA], secrets).get('server')).toBeDefined();
  });

  it('that ends with its CA is not made again to end at the same time', () => {
    const short = createCa({ commonName: 'short CA', validMs: DAY, now: NOW });
    const given = new Map([['ca', tlsSecret('ca', short)]]);
    const secrets = settle([server(), CA], given);
    expect(reasons([server(), CA], secrets, NOW + 0.9 * DAY)).toEqual([]);
  });

  it('names the CA that cannot sign', () => {
    expect(() => issueSecret(server(), tlsSecret('ca', {}), '', NOW)).toThrow('the CA "ca" cannot sign');
  });
});

describe('a CA', () => {
  it('is made again when it has expired or cannot sign', () => {
    const secrets = settle([CA]);
    expect(reasons([CA], secrets, NOW + 3651 * DAY)).toEqual(['ca: it has expired']);
    const leaf = issueCertificate({
      ca: createCa({ commonName: 'x', validMs: DAY, now: NOW }),
      subject: 'x',
      usages: ['client'],
      validMs: DAY,
      now: NOW,
    });
    const marks = { name: 'ca', labels: { 'internal.skupper.io/controlled': 'true' } };
    const wrong: Secret = { ...tlsSecret('ca', leaf), metadata: marks };
    expect(reasons([CA], new Map([['ca', wrong]]))).toEqual(['ca: it cannot sign']);
  });

  it('rolls over in steps: announced, spread, switched, leaves made anew, and the old one stays until its end', () => {
    const rotated = wantedCertificate('ca', CA.spec, { [ROTATE_ANNOTATION]: '1' });
    const secrets = settle([server(), CA]);
    const old = fingerprintsOf(material(secrets, 'ca').certificate!)[0]!;
    const leaf = material(secrets, 'server').certificate;
    settle([server(), rotated], secrets);
    expect(material(secrets, 'server').certificate).toBe(leaf);
    const bundle = fingerprintsOf(material(secrets, 'server').ca!);
    expect(bundle).toHaveLength(2);
    expect(fingerprintsOf(material(secrets, 'ca').certificate!)).toEqual([old]);
    const input = { certificates: [server(), rotated], secrets, siteId: 'id', routers: ROUTERS, now: NOW };
    expect(nextCertificateWork(input)).toBe(NOW + SPREAD_MS);
    settle([server(), rotated], secrets, NOW + SPREAD_MS);
    expect(material(secrets, 'server').certificate).not.toBe(leaf);
    expect(
      chainFault(material(secrets, 'server').certificate!, material(secrets, 'ca').certificate!, NOW),
    ).toBeUndefined();
    expect(fingerprintsOf(material(secrets, 'server').ca!).toSorted()).toEqual(bundle.toSorted());
    settle([server(), rotated], secrets, NOW + 8 * DAY);
    expect(splitBundle(material(secrets, 'server').ca!)).toHaveLength(1);
    expect(reasons([server(), rotated], secrets, NOW + 9 * DAY)).toEqual([]);
  });

  it('is not rotated for a wish that it was made after', () => {
    const rotated = wantedCertificate('ca', CA.spec, { [ROTATE_ANNOTATION]: '1' });
    expect(reasons([rotated], settle([rotated]))).toEqual([]);
  });

  it('begins its roll-over at two thirds of its life', () => {
    const secrets = settle([CA]);
    const at = nextCertificateWork({ certificates: [CA], secrets, siteId: '', routers: ROUTERS, now: NOW });
    expect(at).toBeLessThan(NOW + 2440 * DAY);
    expect(reasons([CA], secrets, at - 1)).toEqual([]);
    expect(reasons([CA], secrets, at)).toEqual(['ca: announce']);
  });

  it('that somebody spoilt the state of goes on', () => {
    const rotated = wantedCertificate('ca', CA.spec, { [ROTATE_ANNOTATION]: '1' });
    const secrets = settle([CA]);
    const [announced] = planCertificateSecrets({
      certificates: [rotated],
      secrets,
      siteId: '',
      routers: ROUTERS,
      now: NOW,
    });
    const { metadata } = announced!.secret;
    const spoilt = { ...metadata, annotations: { ...metadata.annotations, 'skuprt.io/rollover': '{' } };
    secrets.set('ca', { ...announced!.secret, metadata: spoilt });
    expect(reasons([rotated], secrets)).toEqual(['ca: note spread']);
  });
});
