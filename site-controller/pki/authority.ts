/**
 * A certificate authority: one per site, ECDSA P-256 when made here; EC and RSA keys in any PEM form (PKCS#1, SEC 1, PKCS#8) when it
 * comes from elsewhere, such as from Skupper. Certificates never outlive their CA. Times are wall-clock milliseconds.
 */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { messageOf } from '../../lib/errors.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  certificateBody,
  commonName,
  extendedKeyUsage,
  keyUsage,
  SUBJECT_KEY_IDENTIFIER,
  subjectAltName,
  subjectKeyIdentifier,
  type Usage,
} from './certificate-body.ts';
import { type Asn1, bytesOf, childrenOf, decode, isOid, isTagged, toPem } from './der.ts';
import { CaUnusableError } from './errors.ts';
import { readRequest } from './request.ts';
import { algorithmOf, generateKey, keyIdentifier, privateKeyPem, publicKeyDer, signed } from './signature.ts';

/** Clocks of two sites may differ by this much without a fresh certificate being refused. */
const BACKDATED_MS = 5 * 60_000;

/** A certificate with its key, both PEM. */
export interface KeyPair {
  certificate: string;
  privateKey: string;
}

export interface CaOptions {
  commonName: string;
  validMs: number;
  now: number;
}

export interface CertificateOptions {
  ca: KeyPair;
  /** Common name. */
  subject: string;
  /** Host names and IP addresses. */
  hosts?: readonly string[];
  /** Such as the SPIFFE id of a site. */
  uris?: readonly string[];
  usages: readonly Usage[];
  validMs: number;
  now: number;
}

/** A self-signed CA with a fresh key. */
export function createCa({ commonName: name, validMs, now }: CaOptions): KeyPair {
  const { privateKey, publicKey } = generateKey();
  const algorithm = algorithmOf(privateKey)!;
  const identifier = keyIdentifier(publicKey);
  const body = certificateBody({
    issuer: commonName(name),
    subject: commonName(name),
    notBefore: now - BACKDATED_MS,
    notAfter: now + validMs,
    publicKeyDer: publicKeyDer(publicKey),
    signatureAlgorithm: algorithm.identifier(),
    extensions: [
      basicConstraints(true),
      keyUsage('ca', false),
      subjectKeyIdentifier(identifier),
      authorityKeyIdentifier(identifier),
    ],
  });
  return {
    certificate: toPem('CERTIFICATE', signed(body, privateKey, algorithm)),
    privateKey: privateKeyPem(privateKey),
  };
}

/** A certificate with a fresh key. @throws CaUnusableError */
export function issueCertificate(options: CertificateOptions): KeyPair {
  const { privateKey, publicKey } = generateKey();
  return { certificate: certify(publicKey, options), privateKey: privateKeyPem(privateKey) };
}

/**
 * A certificate for the key of a request. Only the public key is taken from it: the identity is the one given here.
 * @throws CertificateRequestError, CaUnusableError
 */
export function signRequest(csr: string, options: CertificateOptions): string {
  return certify(readRequest(csr).publicKey, options);
}

function certify(publicKey: KeyObject, options: CertificateOptions): string {
  const { subject, hosts = [], uris = [], usages, validMs, now } = options;
  const issuer = loadCa(options.ca, now);
  const body = certificateBody({
    issuer: issuer.name,
    subject: commonName(subject),
    notBefore: Math.max(now - BACKDATED_MS, issuer.notBefore),
    notAfter: Math.min(now + validMs, issuer.notAfter),
    publicKeyDer: publicKeyDer(publicKey),
    signatureAlgorithm: issuer.algorithm.identifier(),
    extensions: [
      basicConstraints(false),
      keyUsage('leaf', publicKey.asymmetricKeyType === 'rsa'),
      extendedKeyUsage(usages),
      subjectKeyIdentifier(keyIdentifier(publicKey)),
      authorityKeyIdentifier(issuer.identifier),
      ...subjectAltName(hosts, uris),
    ],
  });
  return toPem('CERTIFICATE', signed(body, issuer.privateKey, issuer.algorithm));
}

interface LoadedCa {
  name: Asn1;
  identifier: Buffer;
  privateKey: KeyObject;
  algorithm: NonNullable<ReturnType<typeof algorithmOf>>;
  notBefore: number;
  notAfter: number;
}

function loadCa(ca: KeyPair, now: number): LoadedCa {
  const unusable = (what: string, cause?: unknown) =>
    new CaUnusableError(`the CA cannot sign: ${what}`, {
      cause,
      next: 'Give a Secret with the tls.crt and tls.key of a CA',
    });
  let certificate: X509Certificate;
  let privateKey: KeyObject;
  try {
    certificate = new X509Certificate(ca.certificate);
    privateKey = createPrivateKey(ca.privateKey);
  } catch (cause) {
    throw unusable(messageOf(cause), cause);
  }
  if (!certificate.ca) throw unusable('its certificate is not one of a CA');
  if (!certificate.checkPrivateKey(privateKey)) throw unusable('its key does not belong to its certificate');
  const algorithm = algorithmOf(privateKey);
  if (!algorithm) throw unusable('its key is neither ECDSA nor RSA of at least 2048 bits');
  const notAfter = Date.parse(certificate.validTo);
  if (notAfter <= now) throw unusable(`it expired on ${new Date(notAfter).toISOString()}`);
  const fields = bodyFields(certificate.raw);
  return {
    name: fields.subject,
    identifier: fields.subjectKeyIdentifier ?? keyIdentifier(createPublicKey(privateKey)),
    privateKey,
    algorithm,
    notBefore: Date.parse(certificate.validFrom),
    notAfter,
  };
}

/** What a leaf must repeat byte by byte from the certificate of its issuer. */
function bodyFields(der: Buffer): { subject: Asn1; subjectKeyIdentifier?: Buffer } {
  const body = childrenOf(childrenOf(decode(der))[0]);
  const subject = body[isTagged(body[0], 0) ? 5 : 4]!;
  const extensions = body.find((field) => isTagged(field, 3));
  for (const extension of extensions ? childrenOf(childrenOf(extensions)[0]) : []) {
    const fields = childrenOf(extension);
    if (isOid(fields[0], SUBJECT_KEY_IDENTIFIER)) {
      return { subject, subjectKeyIdentifier: bytesOf(decode(bytesOf(fields.at(-1)))) };
    }
  }
  return { subject };
}
