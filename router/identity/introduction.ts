/**
 * An introduction: one router's signed word that another, its neighbour, has a certificate of a site, and a key. With `gone` it takes
 * that back. Among those of one router about another the one of the highest sequence counts.
 */

import { isPublicKey, type Keyring } from './keys.ts';
import { INTRODUCTION_BYTES_MAX, NAME_LENGTH_MAX } from './limits.ts';
import { parsedJson, type SignedText, sealed, splitSigned } from './signed-text.ts';

/** A router, as it is known to another. */
export interface RouterIdentity {
  readonly router: string;
  readonly key: string;
  readonly siteId: string;
  readonly siteName?: string;
}

export interface Introduction {
  readonly by: string;
  readonly byKey: string;
  readonly sequence: number;
  readonly gone: boolean;
  readonly of: RouterIdentity;
}

export interface ReadIntroduction extends Introduction {
  /** As it came, and as it is passed on. */
  readonly text: string;
  readonly signed: SignedText;
}

export function introductionText(keys: Keyring, { by, byKey, sequence, gone, of }: Introduction): string {
  const body = [by, byKey, sequence, gone ? 1 : 0, of.router, of.key, of.siteId, of.siteName ?? ''];
  return sealed(keys, 'introduction', JSON.stringify(body));
}

/** Undefined for what cannot be one; whether its signature is good is to be seen. */
export function readIntroduction(text: string): ReadIntroduction | undefined {
  if (Buffer.byteLength(text) > INTRODUCTION_BYTES_MAX) return undefined;
  const signed = splitSigned(text);
  const body = signed && parsedJson(signed.body);
  if (signed === undefined || !Array.isArray(body) || body.length !== FIELD_COUNT) return undefined;
  const [by, byKey, sequence, gone, router, key, siteId, siteName] = body as unknown[];
  if (!isName(by) || !isName(router) || !isName(siteId) || !(siteName === '' || isName(siteName))) return undefined;
  if (!isPublicKey(byKey) || !isPublicKey(key) || (gone !== 0 && gone !== 1)) return undefined;
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 0) return undefined;
  const of = { router, key, siteId, siteName: siteName || undefined };
  return { by, byKey, sequence, gone: gone === 1, of, text, signed };
}

const FIELD_COUNT = 8;

/** Something that may stand in a log and on a terminal. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= NAME_LENGTH_MAX && !CONTROL.test(value);
}

const CONTROL = /\p{Cc}/u;
