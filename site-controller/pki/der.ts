/** ASN.1 in DER by node-forge: the few shapes that certificates and requests are made of. Bytes in and out are Buffers. */
import forge from 'node-forge';

const { asn1 } = forge;
const { Class, Type } = asn1;

export type Asn1 = forge.asn1.Asn1;

export function sequence(...items: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, items);
}

export function set(...items: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, items);
}

export function oid(dotted: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(dotted).getBytes());
}

/** `bytes` is the shortest two's complement form. */
export function integer(bytes: Buffer): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.INTEGER, false, binary(bytes));
}

export function boolean(value: boolean): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.BOOLEAN, false, value ? '\xff' : '\x00');
}

export function nil(): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.NULL, false, '');
}

export function utf8String(text: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.UTF8, false, binary(Buffer.from(text)));
}

export function octetString(bytes: Buffer): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.OCTETSTRING, false, binary(bytes));
}

export function bitString(bytes: Buffer, unusedBits = 0): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.BITSTRING, false, String.fromCharCode(unusedBits) + binary(bytes));
}

/** UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280 4.1.2.5). */
export function time(wallMs: number): Asn1 {
  const date = new Date(wallMs);
  return date.getUTCFullYear() < 2050
    ? asn1.create(Class.UNIVERSAL, Type.UTCTIME, false, asn1.dateToUtcTime(date) as unknown as string)
    : asn1.create(Class.UNIVERSAL, Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date) as unknown as string);
}

/** `[tag] IMPLICIT` of a primitive. */
export function taggedBytes(tag: number, bytes: Buffer): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag, false, binary(bytes));
}

/** `[tag] EXPLICIT`, or IMPLICIT of a constructed value. */
export function tagged(tag: number, ...items: Asn1[]): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag, true, items);
}

export function encode(value: Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'binary');
}

/** @throws Error when the bytes are not DER or some are left over. */
export function decode(der: Buffer): Asn1 {
  // Bit strings stay as they are: key points and signatures could look like ASN.1 by chance.
  return asn1.fromDer(binary(der), { strict: true, parseAllBytes: true, decodeBitStrings: false } as never);
}

/** The parts of a constructed value. @throws Error for a primitive one. */
export function childrenOf(value: Asn1 | undefined): Asn1[] {
  if (!value || !Array.isArray(value.value)) throw new Error('not a constructed ASN.1 value');
  return value.value;
}

/** The content of a primitive value. @throws Error for a constructed one. */
export function bytesOf(value: Asn1 | undefined): Buffer {
  if (!value || typeof value.value !== 'string') throw new Error('not a primitive ASN.1 value');
  return Buffer.from(value.value, 'binary');
}

export function isOid(value: Asn1 | undefined, dotted: string): boolean {
  return value !== undefined && value.type === Type.OID && asn1.derToOid(bytesOf(value).toString('binary')) === dotted;
}

export function isTagged(value: Asn1 | undefined, tag: number): boolean {
  return value !== undefined && value.tagClass === Class.CONTEXT_SPECIFIC && (value.type as number) === tag;
}

export function toPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The first block of that label. @throws Error when there is none. */
export function fromPem(label: string, pem: string): Buffer {
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`).exec(pem);
  if (!block) throw new Error(`no ${label} block`);
  return Buffer.from(block[1]!, 'base64');
}

function binary(bytes: Buffer): string {
  return bytes.toString('binary');
}
