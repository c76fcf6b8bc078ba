/** The key of a router: made at its start, gone with it. Ed25519 (RFC 8032). */
export interface Keyring {
  /** 32 octets in base64url. */
  readonly publicKey: string;
  sign(bytes: Buffer): Buffer;
  /** False too for what is no key. */
  verify(publicKey: string, bytes: Buffer, signature: Buffer): boolean;
}

/** The last character has two bits too many, which are 0, so that each key has one text. */
const KEY = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

export function isPublicKey(text: unknown): text is string {
  return typeof text === 'string' && KEY.test(text);
}
