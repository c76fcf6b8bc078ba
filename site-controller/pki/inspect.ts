/** What a certificate says, and whether it is good now. Reads certificates of any maker, empty DNS names included. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { CertificateUnreadableError } from './errors.ts';

export interface CertificateFacts {
  /** Common names; the whole distinguished name where there is none. */
  subject: string;
  issuer: string;
  /** Host names and IP addresses, each once. */
  hosts: string[];
  uris: string[];
  /** Wall-clock milliseconds. */
  notBefore: number;
  notAfter: number;
  isCa: boolean;
  /** SHA-256 in upper-case hex with colons. */
  fingerprint: string;
}

/** @throws CertificateUnreadableError */
export function inspectCertificate(pem: string): CertificateFacts {
  const certificate = read(pem);
  const names = alternativeNames(certificate.subjectAltName ?? '');
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    hosts: [...new Set(names.flatMap(({ type, value }) => (type === 'DNS' || type === 'IP Address' ? [value] : [])))],
    uris: names.flatMap(({ type, value }) => (type === 'URI' ? [value] : [])),
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    isCa: certificate.ca,
    fingerprint: certificate.fingerprint256,
  };
}

export function isExpired(pem: string, now: number): boolean {
  return inspectCertificate(pem).notAfter <= now;
}

export type ChainFault = 'expired' | 'not yet valid' | 'issued by another CA' | 'issued by a CA that has expired';

/** Longest path from a leaf to what is trusted: more than anybody uses. */
const CHAIN_LENGTH_MAX = 5;

/**
 * Why `certificate` is not good now under any of the certificates in the bundle `ca`; undefined when it is. Intermediate
 * certificates may follow the leaf. @throws CertificateUnreadableError
 */
export function chainFault(certificate: string, ca: string, now: number): ChainFault | undefined {
  const [leaf, ...intermediates] = certificatesOf(certificate);
  if (Date.parse(leaf.validTo) <= now) return 'expired';
  if (Date.parse(leaf.validFrom) > now) return 'not yet valid';
  const trusted = splitBundle(ca).map(read);
  let last: X509Certificate = leaf;
  for (let length = 0; length < CHAIN_LENGTH_MAX; length += 1) {
    const issuers = trusted.filter((issuer) => isSignedBy(last, issuer));
    if (issuers.some((issuer) => Date.parse(issuer.validTo) > now)) return undefined;
    if (issuers.length > 0) return 'issued by a CA that has expired';
    const next = intermediates.find((issuer) => issuer !== last && isSignedBy(last, issuer));
    if (next === undefined || Date.parse(next.validTo) <= now) break;
    last = next;
  }
  return 'issued by another CA';
}

/** Whether the first certificate of `certificate` is signed by the key of the first of `ca`; what cannot be read is not. */
export function isIssuedBy(certificate: string, ca: string): boolean {
  try {
    return isSignedBy(read(certificate), read(ca));
  } catch (error) {
    if (error instanceof CertificateUnreadableError) return false;
    throw error;
  }
}

/** Whether `privateKey` belongs to the first certificate of `certificate`; what cannot be read does not. */
export function isKeyOf(certificate: string, privateKey: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    return false;
  }
}

/** The facts of a certificate that can be read. */
export function factsOf(certificate: string | undefined): CertificateFacts | undefined {
  if (certificate === undefined) return undefined;
  try {
    return inspectCertificate(certificate);
  } catch (error) {
    if (error instanceof CertificateUnreadableError) return undefined;
    throw error;
  }
}

/** SHA-256 of each certificate of a bundle, as in CertificateFacts; what cannot be read is left out. */
export function fingerprintsOf(bundle: string): string[] {
  return splitBundle(bundle).flatMap((pem) => {
    try {
      return [new X509Certificate(pem).fingerprint256];
    } catch {
      return [];
    }
  });
}

/** Each certificate of a PEM bundle. */
export function splitBundle(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** The leaf and what follows it. @throws CertificateUnreadableError */
function certificatesOf(pem: string): [X509Certificate, ...X509Certificate[]] {
  const [leaf = pem, ...others] = splitBundle(pem);
  return [read(leaf), ...others.map(read)];
}

function read(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new CertificateUnreadableError('the text is not a PEM certificate', {
      cause,
      next: 'Give a file that begins with -----BEGIN CERTIFICATE-----',
    });
  }
}

/** node:crypto gives one `TYPE=value` a line. */
function nameOf(distinguishedName: string): string {
  const line = distinguishedName?.split('\n').find((part) => part.startsWith('CN='));
  return line === undefined ? (distinguishedName ?? '') : unescaped(line.slice(3));
}

/** OpenSSL writes `\,` for a comma and `\C3\A4` for octets beyond ASCII (RFC 2253, section 2.4). */
function unescaped(text: string): string {
  const octets = [...text.matchAll(/\\([0-9A-Fa-f]{2})|\\?(.)/gsu)].map(([, hex, plain]) =>
    hex === undefined ? Buffer.from(plain!) : Buffer.from(hex, 'hex'),
  );
  return Buffer.concat(octets).toString();
}

/** node:crypto gives `DNS:a, IP Address:1.2.3.4, URI:"..."`, quoted as JSON where the value could mislead. */
function alternativeNames(text: string): { type: string; value: string }[] {
  return [...text.matchAll(/([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].flatMap(([, type, value]) => {
    const plain = value!.startsWith('"') ? (JSON.parse(value!) as string) : value!;
    return plain === '' ? [] : [{ type: type!, value: isIP(plain) === 6 ? compressed(plain) : plain }];
  });
}

/** OpenSSL prints IPv6 in full and upper case. */
function compressed(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
