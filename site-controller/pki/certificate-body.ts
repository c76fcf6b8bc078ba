/** The to-be-signed body of an X.509 v3 certificate and its extensions (RFC 5280 4.1, 4.2). */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';
import {
  type Asn1,
  bitString,
  boolean,
  decode,
  encode,
  integer,
  octetString,
  oid,
  sequence,
  set,
  tagged,
  taggedBytes,
  time,
  utf8String,
} from './der.ts';

export type Usage = 'client' | 'server';

export interface CertificateBody {
  issuer: Asn1;
  subject: Asn1;
  notBefore: number;
  notAfter: number;
  publicKeyDer: Buffer;
  signatureAlgorithm: Asn1;
  extensions: Asn1[];
}

export function certificateBody(body: CertificateBody): Asn1 {
  return sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    body.signatureAlgorithm,
    body.issuer,
    sequence(time(body.notBefore), time(body.notAfter)),
    body.subject,
    decode(body.publicKeyDer),
    tagged(3, sequence(...body.extensions)),
  );
}

/** A distinguished name of one common name. */
export function commonName(text: string): Asn1 {
  return sequence(set(sequence(oid('2.5.4.3'), utf8String(text))));
}

/** Critical; a CA signs leaves only (path length 0). */
export function basicConstraints(isCa: boolean): Asn1 {
  return extension('2.5.29.19', isCa ? sequence(boolean(true), integer(Buffer.from([0]))) : sequence(), true);
}

/** Critical. RSA leaves also encipher keys: TLS 1.2 clients of other products may ask for it. */
export function keyUsage(role: 'ca' | 'leaf', isRsa: boolean): Asn1 {
  if (role === 'ca') return extension('2.5.29.15', bitString(Buffer.from([0b00000110]), 1), true);
  return extension(
    '2.5.29.15',
    isRsa ? bitString(Buffer.from([0b10100000]), 5) : bitString(Buffer.from([0b10000000]), 7),
    true,
  );
}

export function extendedKeyUsage(usages: readonly Usage[]): Asn1 {
  const purposes = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };
  return extension('2.5.29.37', sequence(...usages.map((usage) => oid(purposes[usage]))));
}

/** An IP address also becomes a DNS name: the original router compares with DNS names only. Empty when there is nothing to name. */
export function subjectAltName(hosts: readonly string[], uris: readonly string[]): Asn1[] {
  const names = [...new Set(hosts)].filter(Boolean).flatMap((host) => {
    const dnsName = taggedBytes(2, Buffer.from(host));
    return isIP(host) ? [dnsName, taggedBytes(7, addressBytes(host))] : [dnsName];
  });
  names.push(...uris.map((uri) => taggedBytes(6, Buffer.from(uri))));
  return names.length === 0 ? [] : [extension('2.5.29.17', sequence(...names))];
}

export const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';

export function subjectKeyIdentifier(identifier: Buffer): Asn1 {
  return extension(SUBJECT_KEY_IDENTIFIER, octetString(identifier));
}

export function authorityKeyIdentifier(identifier: Buffer): Asn1 {
  return extension('2.5.29.35', sequence(taggedBytes(0, identifier)));
}

/** In the library, not in its types. */
const { bytesFromIP } = forge.util as unknown as { bytesFromIP(address: string): string };

function addressBytes(address: string): Buffer {
  return Buffer.from(bytesFromIP(address), 'binary');
}

function extension(id: string, value: Asn1, critical = false): Asn1 {
  const wrapped = octetString(encode(value));
  return critical ? sequence(oid(id), boolean(true), wrapped) : sequence(oid(id), wrapped);
}

/** 127 random bits, positive, in shortest form because the next-to-highest bit is set. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes;
}
