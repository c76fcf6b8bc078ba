/** What the redemption server knows of a grant and what it keeps of each redemption. */

export interface Redemption {
  /** Digest of the request's public key and names: the same request again is answered again, and not counted again. Absent for the plain form. */
  requestKey?: string;
  /** Of the link, at the redeeming site. */
  name: string;
  /** Site id of the redeemer. */
  subject: string;
  /** Wall-clock milliseconds. */
  redeemedAt: number;
  /** What was answered, where it is kept; never for the plain form, whose answer holds a private key. Without it the same is issued again. */
  answer?: string;
}

export interface GrantState {
  /** UID of the AccessGrant: the path of its URL. */
  uid: string;
  /** Name of the AccessGrant: the name of links whose redeemer asks for none. */
  name: string;
  code: string;
  /** Wall-clock milliseconds. */
  expiresAt: number;
  redemptionsAllowed: number;
  redemptions: readonly Redemption[];
}

export interface GrantStore {
  get(uid: string): Promise<GrantState | undefined>;
  /** Resolves when the redemption is on disk, or in the API server: only then is it counted and answered. */
  record(uid: string, redemption: Redemption): Promise<void>;
}
