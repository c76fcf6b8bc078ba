/**
 * A claim: what a listener's router says of a client, signed, in the head of each of the client's streams. It holds for one routing
 * key and for a while, so that who has seen it elsewhere cannot use it for something else.
 */
import type { PolicyClient } from '../../lib/policy/types.ts';
import { isRecord } from '../../lib/shape.ts';
import { isName } from './introduction.ts';
import { isPublicKey, type Keyring } from './keys.ts';
import { CLAIM_BODY_BYTES_MAX, CLAIM_BYTES_MAX } from './limits.ts';
import { parsedJson, type SignedText, sealed, splitSigned } from './signed-text.ts';

/** Who says it. */
export interface Claimant {
  readonly router: string;
  readonly key: string;
}

export type ClaimedClient = Pick<
  PolicyClient,
  'siteId' | 'siteName' | 'namespace' | 'workload' | 'pod' | 'serviceAccount' | 'listener' | 'labels'
>;

export interface Claim {
  readonly by: Claimant;
  readonly client: ClaimedClient;
  /** The address that it holds for. */
  readonly address: string;
  /** Seconds since 1970. */
  readonly expiry: number;
  /** Labels were too many to travel. */
  readonly isShortened: boolean;
}

export interface ReadClaim extends Claim {
  readonly signed: SignedText;
}

/** Undefined when it is too long even without the labels. */
export function claimText(keys: Keyring, claim: Omit<Claim, 'isShortened'>): string | undefined {
  const full = bodyOf(claim, false);
  const body = Buffer.byteLength(full) <= CLAIM_BODY_BYTES_MAX ? full : bodyOf(claim, true);
  return Buffer.byteLength(body) <= CLAIM_BODY_BYTES_MAX ? sealed(keys, 'claim', body) : undefined;
}

/** Undefined for what cannot be one; whether its signature is good is to be seen. */
export function readClaim(text: string): ReadClaim | undefined {
  if (Buffer.byteLength(text) > CLAIM_BYTES_MAX) return undefined;
  const signed = splitSigned(text);
  const fields = signed && parsedJson(signed.body);
  if (signed === undefined || !isRecord(fields)) return undefined;
  const { r: router, k: key, to: address, x: expiry } = fields;
  if (!isName(router) || !isPublicKey(key) || !isName(address)) return undefined;
  if (typeof expiry !== 'number' || !Number.isSafeInteger(expiry)) return undefined;
  const names: Partial<Record<NameKey, string>> = {};
  for (const [short, name] of NAMES) {
    const value = fields[short];
    if (value === undefined) continue;
    if (!isName(value)) return undefined;
    names[name] = value;
  }
  const labels = fields.lb === undefined ? undefined : labelsOf(fields.lb);
  if (fields.lb !== undefined && labels === undefined) return undefined;
  const client = labels === undefined ? names : { ...names, labels };
  return { by: { router, key }, client, address, expiry, isShortened: fields.short === 1, signed };
}

type NameKey = Exclude<keyof ClaimedClient, 'labels'>;
/** As they travel, and as they are called. */
const NAMES = [
  ['s', 'siteId'],
  ['sn', 'siteName'],
  ['ns', 'namespace'],
  ['w', 'workload'],
  ['p', 'pod'],
  ['sa', 'serviceAccount'],
  ['l', 'listener'],
] as const satisfies readonly (readonly [string, NameKey])[];

function bodyOf({ by, client, address, expiry }: Omit<Claim, 'isShortened'>, isShortened: boolean): string {
  const names = Object.fromEntries(NAMES.map(([short, name]) => [short, client[name] || undefined]));
  const { labels } = client;
  const lb = isShortened || labels === undefined ? undefined : labels;
  const short = isShortened && labels !== undefined ? 1 : undefined;
  return JSON.stringify({ r: by.router, k: by.key, x: expiry, to: address, ...names, lb, short });
}

function labelsOf(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isRecord(value)) return undefined;
  const entries = Object.entries(value);
  if (!entries.every(([name, each]) => isName(name) && (each === '' || isName(each)))) return undefined;
  return Object.fromEntries(entries) as Record<string, string>;
}
