import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import forge from 'node-forge';
import { describe, expect, it } from 'vitest';
import { siteIdOf, siteUri } from '../../lib/site-identity.ts';
import { createCa, issueCertificate, type KeyPair, signRequest } from '../../site-controller/pki/authority.ts';
import { childrenOf, decode, encode, fromPem, sequence, toPem } from '../../site-controller/pki/der.ts';
import { chainFault, inspectCertificate, isExpired } from '../../site-controller/pki/inspect.ts';
import { createRequest, readRequest } from '../../site-controller/pki/request.ts';

const NOW = Date.now();
const DAY = 86_400_000;
const ca = createCa({ commonName: 'east site CA', validMs: 3650 * DAY, now: NOW });
const otherCa = createCa({ commonName: 'east site CA', validMs: 3650 * DAY, now: NOW });
const leafOptions = { subject: 'skupper-router', usages: ['server'] as const, validMs: 365 * DAY, now: NOW };

/** As Skupper makes its CA: RSA-2048, PKCS#1 key, by another library. */
function skupperCa(): KeyPair {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const privateKey = keys.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(keys.publicKey.export({ type: 'spki', format: 'pem' }).toString());
  certificate.serialNumber = '01';
  certificate.validity.notBefore = new Date(NOW - DAY);
  certificate.validity.notAfter = new Date(NOW + DAY);
  const name = [{ shortName: 'CN', value: 'west site CA', valueTagClass: forge.asn1.Type.PRINTABLESTRING }];
  certificate.setSubject(name as never);
  certificate.setIssuer(name as never);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(certificate), privateKey };
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The output of `openssl verify`, strict, for a purpose. */
function opensslVerify(leaf: string, issuer: string, purpose: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'skuprt-pki-'));
  try {
    writeFileSync(join(directory, 'leaf.pem'), leaf);
    writeFileSync(join(directory, 'ca.pem'), issuer);
    const args = ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', 'ca.pem', 'leaf.pem'];
    return execFileSync('openssl', args, { cwd: directory, encoding: 'utf8', stdio: 'pipe' });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('createCa', () => {
  it('is a self-signed ECDSA P-256 CA, back-dated against skewed clocks', () => {
    const certificate = new X509Certificate(ca.certificate);
    expect(certificate.ca).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    const facts = inspectCertificate(ca.certificate);
    expect(facts).toMatchObject({ subject: 'east site CA', issuer: 'east site CA', isCa: true });
    expect(facts.notBefore).toBeLessThan(NOW - 60_000);
    expect(new X509Certificate(otherCa.certificate).serialNumber).not.toBe(certificate.serialNumber);
    expect(certificate.serialNumber).toHaveLength(32);
  });
});

describe('issueCertificate', () => {
  it('carries hosts, addresses and the site identity', () => {
    const leaf = issueCertificate({
      ...leafOptions,
      ca,
      hosts: ['east.example', '192.0.2.7', '2001:db8::1', 'east.example', ''],
      uris: [siteUri('a/b')],
    });
    const facts = inspectCertificate(leaf.certificate);
    expect(facts).toMatchObject({ subject: 'skupper-router', issuer: 'east site CA', isCa: false });
    expect(facts.hosts).toEqual(['east.example', '192.0.2.7', '2001:db8::1']);
    expect(siteIdOf(facts.uris)).toBe('a/b');
    const certificate = new X509Certificate(leaf.certificate);
    expect(certificate.checkIP('2001:db8::1')).toBeDefined();
    // The original router looks at DNS names only.
    expect(certificate.subjectAltName).toContain('DNS:192.0.2.7');
    expect(certificate.checkPrivateKey(createPrivateKey(leaf.privateKey))).toBe(true);
  });

  it('never outlives its CA', () => {
    const shortCa = createCa({ commonName: 'short', validMs: DAY, now: NOW });
    const leaf = issueCertificate({ ...leafOptions, ca: shortCa });
    expect(inspectCertificate(leaf.certificate).notAfter).toBe(inspectCertificate(shortCa.certificate).notAfter);
  });

  it('writes ends of validity after 2049', () => {
    const longCa = createCa({ commonName: 'long', validMs: 365 * 100 * DAY, now: NOW });
    expect(inspectCertificate(longCa.certificate).notAfter).toBe(Math.floor((NOW + 365 * 100 * DAY) / 1000) * 1000);
  });

  it.each([
    ['a certificate that is no CA', () => issueCertificate({ ...leafOptions, ca }), /not one of a CA/],
    ['a key of another CA', () => ({ ...ca, privateKey: otherCa.privateKey }), /does not belong/],
    ['an expired CA', () => createCa({ commonName: 'x', validMs: DAY, now: NOW - 2 * DAY }), /expired on/],
    ['text', () => ({ certificate: 'x', privateKey: 'y' }), /cannot sign/],
  ])('refuses to sign with %s', (_, bad, message) => {
    expect(() => issueCertificate({ ...leafOptions, ca: bad() })).toThrow(message);
  });

  it.runIf(hasOpenssl())('satisfies openssl, strict, for the purposes given and no others', () => {
    const server = issueCertificate({ ...leafOptions, ca, hosts: ['a'] }).certificate;
    expect(opensslVerify(server, ca.certificate, 'sslserver')).toContain('OK');
    expect(() => opensslVerify(server, ca.certificate, 'sslclient')).toThrow(/purpose/);
    expect(() => opensslVerify(server, otherCa.certificate, 'sslserver')).toThrow();
  });

  it('signs with an RSA CA in PKCS#1 made by Skupper', () => {
    const west = skupperCa();
    const leaf = issueCertificate({ ...leafOptions, ca: west, hosts: ['a'] });
    expect(chainFault(leaf.certificate, west.certificate, NOW)).toBeUndefined();
    if (hasOpenssl()) expect(opensslVerify(leaf.certificate, west.certificate, 'sslserver')).toContain('OK');
  });

  it('gives both ends of a mutual TLS 1.3 handshake', async () => {
    const server = issueCertificate({ ...leafOptions, ca, hosts: ['127.0.0.1'] });
    const client = issueCertificate({ ...leafOptions, ca, subject: 'west', usages: ['client'] });
    const listener = createServer({
      key: server.privateKey,
      cert: server.certificate,
      ca: ca.certificate,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const accepted = new Promise<unknown>((resolve, reject) => {
      listener.once('secureConnection', (socket) => {
        resolve(socket.getPeerCertificate().subject.CN);
        socket.end();
      });
      listener.once('tlsClientError', reject);
    });
    const socket = connect({
      host: '127.0.0.1',
      port: (listener.address() as AddressInfo).port,
      key: client.privateKey,
      cert: client.certificate,
      ca: ca.certificate,
    });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    expect(socket.getProtocol()).toBe('TLSv1.3');
    expect(await accepted).toBe('west');
    socket.destroy();
    listener.close();
  });
});

describe('signRequest', () => {
  it('takes the key of the request and no name from it', () => {
    const request = createRequest({ subject: 'someone else' });
    const certificate = signRequest(request.csr, { ...leafOptions, ca, subject: 'west', usages: ['client'] });
    expect(inspectCertificate(certificate)).toMatchObject({ subject: 'west', hosts: [] });
    expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(request.privateKey))).toBe(true);
    expect(new X509Certificate(certificate).keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(request.csr).not.toContain('PRIVATE');
  });

  it.runIf(hasOpenssl())('reads requests that openssl made, and openssl ours', () => {
    const args = ['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', '/dev/null', '-subj', '/CN=x'];
    const csr = execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(readRequest(csr).publicKey.asymmetricKeyType).toBe('rsa');
    const { csr: ours } = createRequest({ subject: 'x' });
    expect(
      execFileSync('openssl', ['req', '-verify', '-noout', '-subject'], {
        input: ours,
        encoding: 'utf8',
        stdio: 'pipe',
      }),
    ).toMatch(/CN ?= ?x/);
  });

  it('refuses a request that is not signed by its own key, and anything else', () => {
    const [a, b] = [createRequest({ subject: 'a' }), createRequest({ subject: 'a' })];
    const [body, algorithm] = childrenOf(decode(fromPem('CERTIFICATE REQUEST', a.csr)));
    const [, , signature] = childrenOf(decode(fromPem('CERTIFICATE REQUEST', b.csr)));
    const mixed = toPem('CERTIFICATE REQUEST', encode(sequence(body!, algorithm!, signature!)));
    expect(() => readRequest(mixed)).toThrow(/not signed by its own key/);
    for (const text of ['', ca.certificate, a.csr.slice(0, 200), a.csr.replace(/M/, 'A')]) {
      expect(() => readRequest(text)).toThrow(/refused/);
    }
  });

  it('refuses weak keys', () => {
    const keys = forge.pki.rsa.generateKeyPair(1024);
    const weak = forge.pki.createCertificationRequest();
    weak.publicKey = keys.publicKey;
    weak.setSubject([{ name: 'commonName', value: 'x' }]);
    weak.sign(keys.privateKey, forge.md.sha256.create());
    expect(() => readRequest(forge.pki.certificationRequestToPem(weak))).toThrow(/neither ECDSA nor RSA/);
  });
});

describe('chainFault', () => {
  const leaf = issueCertificate({ ...leafOptions, ca });

  it('finds nothing wrong with a good one, also in a bundle of old and new CA', () => {
    expect(chainFault(leaf.certificate, ca.certificate, NOW)).toBeUndefined();
    expect(chainFault(leaf.certificate, otherCa.certificate + ca.certificate, NOW)).toBeUndefined();
  });

  it('tells apart what is wrong', () => {
    expect(chainFault(leaf.certificate, otherCa.certificate, NOW)).toBe('issued by another CA');
    expect(chainFault(leaf.certificate, ca.certificate, NOW + 366 * DAY)).toBe('expired');
    expect(chainFault(leaf.certificate, ca.certificate, NOW - DAY)).toBe('not yet valid');
    expect(isExpired(leaf.certificate, NOW)).toBe(false);
    expect(isExpired(leaf.certificate, NOW + 366 * DAY)).toBe(true);
  });

  it('refuses text that is no certificate', () => {
    expect(() => inspectCertificate('nonsense')).toThrow(/not a PEM certificate/);
  });
});

describe('the name in a certificate', () => {
  it.each(['a,b', 'Zürich', ' leading and trailing ', '#1', 'a\\\\b', '"quoted"', 'a+b=c;<d>', '日本'])(
    '%j is read as it was given',
    (name) => {
      const made = issueCertificate({ ...leafOptions, ca, subject: name });
      expect(inspectCertificate(made.certificate).subject).toBe(name);
    },
  );
});
