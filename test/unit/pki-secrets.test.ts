/** TLS Secrets of every kind, read as credentials. Mirrors the area "secrets sync" of control-plane reference 8.4. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Secret } from '../../config/api/secret.ts';
import { createCa, issueCertificate } from '../../site-controller/pki/authority.ts';
import { joinBundles } from '../../site-controller/pki/bundle.ts';
import { secretDigest, tlsSecret, trustOf } from '../../site-controller/pki/secret.ts';
import {
  CredentialCache,
  credentialsOfSecrets,
  keyPairOf,
} from '../../site-controller/platform/kubernetes/credentials.ts';

const NOW = Date.parse('2030-01-01T00:00:00Z');
const DAY = 86_400_000;
const ca = createCa({ commonName: 'CA', validMs: 100 * DAY, now: NOW });
const otherCa = createCa({ commonName: 'CA', validMs: 200 * DAY, now: NOW });
const leaf = issueCertificate({ ca, subject: 'x', hosts: ['a'], usages: ['server'], validMs: 10 * DAY, now: NOW });
const stranger = issueCertificate({ ca, subject: 'x', usages: ['server'], validMs: 10 * DAY, now: NOW });

function secretOf(texts: Record<string, string>, type: string | undefined = 'kubernetes.io/tls'): Secret {
  const data = Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, type, data: Object.fromEntries(data) };
}
const read = (secret: Secret, now = NOW) => credentialsOfSecrets([secret], now).get('s');
const full = { 'ca.crt': ca.certificate, 'tls.crt': leaf.certificate, 'tls.key': leaf.privateKey };

describe('a Secret', () => {
  it.each<[string, Secret]>([
    ['of type kubernetes.io/tls', secretOf(full)],
    ['of type Opaque', secretOf(full, 'Opaque')],
    ['without a type', { ...secretOf(full), type: undefined }],
    ['of an empty type', secretOf(full, '')],
  ])('%s is a credential', (_what, secret) => {
    expect(read(secret)).toMatchObject({
      hasKey: true,
      ca: ca.certificate,
      fault: undefined,
      certificate: { hosts: ['a'] },
    });
    expect(keyPairOf(read(secret))).toEqual(leaf);
  });

  it.each<[string, Secret]>([
    ['of basic-auth', secretOf({ username: 'u' }, 'kubernetes.io/basic-auth')],
    ['with nothing of TLS', secretOf({ other: 'x' }, 'Opaque')],
    ['with empty values', secretOf({ 'tls.crt': '', 'ca.crt': '' })],
  ])('%s is none', (_what, secret) => {
    expect(read(secret)).toBeUndefined();
  });

  it('may hold a CA alone', () => {
    const found = read(secretOf({ 'ca.crt': ca.certificate }, 'Opaque'));
    expect(found).toMatchObject({ hasKey: false, ca: ca.certificate, certificate: undefined, fault: undefined });
    expect(keyPairOf(found)).toBeUndefined();
  });

  it('as cert-manager writes it may have no ca.crt, or an empty one: the chain says what to trust', () => {
    const chain = leaf.certificate + ca.certificate;
    const extras: Record<string, string>[] = [{}, { 'ca.crt': '' }];
    for (const extra of extras) {
      const found = read(secretOf({ 'tls.crt': chain, 'tls.key': leaf.privateKey, ...extra }));
      expect(found).toMatchObject({ hasKey: true, ca: ca.certificate, fault: undefined });
    }
    expect(trustOf({ certificate: ca.certificate })).toBe(ca.certificate);
  });

  it.each<[string, Record<string, string>, number, string]>([
    ['expired', full, NOW + 11 * DAY, 'expired'],
    ['not yet valid', full, NOW - DAY, 'not yet valid'],
    ['of another CA', { ...full, 'ca.crt': otherCa.certificate }, NOW, 'issued by another CA'],
    ['with the key of another', { ...full, 'tls.key': stranger.privateKey }, NOW, 'of another key'],
    ['with a damaged key', { ...full, 'tls.key': 'x' }, NOW, 'of another key'],
    ['with text for a certificate', { ...full, 'tls.crt': 'x' }, NOW, 'not a certificate'],
  ])('%s says so', (_what, texts, now, fault) => {
    expect(read(secretOf(texts), now)?.fault).toBe(fault);
  });

  it('is read again when time changes what is to be said of it, and not before', () => {
    const cache = new CredentialCache();
    const first = cache.read([secretOf(full)], NOW).get('s')!;
    expect(cache.read([secretOf(full)], NOW + DAY).get('s')!.certificate).toBe(first.certificate);
    expect(cache.read([secretOf(full)], NOW + 10 * DAY).get('s')!.fault).toBe('expired');
  });

  it('has a digest of its three texts', () => {
    const text = `${ca.certificate}\n${leaf.certificate}\n${leaf.privateKey}`;
    expect(secretDigest(secretOf(full))).toBe(createHash('sha256').update(text).digest('hex'));
    expect(secretDigest(tlsSecret('t', { certificate: 'c' }))).toBe(createHash('sha256').update('\nc\n').digest('hex'));
    expect(secretDigest({ ...secretOf(full), metadata: { name: 'other' } })).toBe(secretDigest(secretOf(full)));
  });
});

describe('joinBundles', () => {
  it('keeps each certificate once, in order, and drops what has ended', () => {
    const both = joinBundles([ca.certificate, otherCa.certificate + ca.certificate], NOW);
    expect(both).toBe(ca.certificate + otherCa.certificate);
    expect(joinBundles([otherCa.certificate, both], NOW + 101 * DAY)).toBe(otherCa.certificate);
    expect(joinBundles(['rubbish'], NOW)).toBe('');
  });
});
