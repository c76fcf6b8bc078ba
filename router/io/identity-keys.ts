/**
 * The key with which this router signs what it says of its clients and neighbours: made at its start, never written anywhere. Ed25519, of
 * which signatures are made and checked within a tenth of a millisecond.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import type { Keyring } from '../identity/keys.ts';

/** Keys of others that are kept ready for use. */
const KEYS_KEPT_MAX = 1024;

export function makeKeyring(): Keyring {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const others = new Map<string, KeyObject | undefined>();
  const keyOf = (text: string): KeyObject | undefined => {
    if (others.has(text)) return others.get(text);
    if (others.size >= KEYS_KEPT_MAX) others.clear();
    const key = imported(text);
    others.set(text, key);
    return key;
  };
  return {
    publicKey: publicKey.export({ format: 'jwk' }).x!,
    sign: (bytes) => sign(null, bytes, privateKey),
    verify: (text, bytes, signature) => {
      const key = keyOf(text);
      return key !== undefined && verify(null, bytes, key, signature);
    },
  };
}

/** Undefined for what is no key. */
function imported(x: string): KeyObject | undefined {
  try {
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  } catch {
    return undefined;
  }
}
