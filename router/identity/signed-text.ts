/**
 * A signed text: `<signature in base64url>.<JSON>`. What is signed is the JSON after a word that says what it is meant for, so that a text
 * of one kind is none of another.
 */
import type { Keyring } from './keys.ts';

export type Purpose = 'claim' | 'introduction';

export interface SignedText {
  readonly body: string;
  readonly signature: string;
}

export function sealed(keys: Keyring, purpose: Purpose, body: string): string {
  return `${keys.sign(signedBytes(purpose, body)).toString('base64url')}.${body}`;
}

/** Undefined for what cannot be one. */
export function splitSigned(text: string): SignedText | undefined {
  const [signature = ''] = text.split('.', 1);
  return SIGNATURE.test(signature) ? { signature, body: text.slice(signature.length + 1) } : undefined;
}

export function isSignedBy(keys: Keyring, publicKey: string, purpose: Purpose, text: SignedText): boolean {
  return keys.verify(publicKey, signedBytes(purpose, text.body), Buffer.from(text.signature, 'base64url'));
}

/** What is no JSON is undefined. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function signedBytes(purpose: Purpose, body: string): Buffer {
  return Buffer.from(`skuprt-${purpose}-1 ${body}`);
}

/** 64 octets; the last character has four bits too many, which are 0 (RFC 4648, 3.5), so that each signature has one text. */
const SIGNATURE = /^[A-Za-z0-9_-]{85}[AQgw]$/;
