/** Keys and signatures of certificates: node:crypto does the work, here are the algorithm identifiers (RFC 5758, RFC 4055). */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Asn1, bitString, bytesOf, childrenOf, decode, encode, nil, oid, sequence } from './der.ts';

const RSA_BITS_MIN = 2048;

interface Algorithm {
  hash: string;
  identifier: () => Asn1;
}

const ALGORITHMS: Record<string, Algorithm> = {
  prime256v1: { hash: 'sha256', identifier: () => sequence(oid('1.2.840.10045.4.3.2')) },
  secp384r1: { hash: 'sha384', identifier: () => sequence(oid('1.2.840.10045.4.3.3')) },
  secp521r1: { hash: 'sha512', identifier: () => sequence(oid('1.2.840.10045.4.3.4')) },
  rsa: { hash: 'sha256', identifier: () => sequence(oid('1.2.840.113549.1.1.11'), nil()) },
};

/** A fresh ECDSA P-256 key. */
export function generateKey(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

export function publicKeyDer(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

/** ECDSA on a NIST curve, or RSA of 2048 bits and more. */
export function algorithmOf(key: KeyObject): Algorithm | undefined {
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === 'ec') return ALGORITHMS[details?.namedCurve ?? ''];
  if (key.asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= RSA_BITS_MIN) return ALGORITHMS.rsa;
  return undefined;
}

/** SHA-1 of the key bits: the usual key identifier (RFC 5280 4.2.1.2), no security rests on it. */
export function keyIdentifier(publicKey: KeyObject): Buffer {
  const [, bits] = childrenOf(decode(publicKeyDer(publicKey)));
  return createHash('sha1').update(bytesOf(bits).subarray(1)).digest();
}

/** `SEQUENCE { body, algorithm, signature }`, the outer form of certificates and of requests. */
export function signed(body: Asn1, key: KeyObject, algorithm: Algorithm): Buffer {
  const signature = sign(algorithm.hash, encode(body), key);
  return encode(sequence(body, algorithm.identifier(), bitString(signature)));
}
