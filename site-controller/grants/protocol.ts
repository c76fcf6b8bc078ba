/**
 * Redemption on the wire: POST of the claim's code to https://<host>:<port>/<grant UID>, answered by YAML documents, one Secret and its
 * Links (control-plane reference 2.4). The plain form is Skupper's. Ours, which tokens offer by an annotation, is a JSON body with
 * a certificate request; its answer holds no private key. A Skupper server would take that body for a wrong code.
 */
import Type from 'typebox';
import { closed, objectName, text } from '../../config/api/schema.ts';

export const BODY_BYTES_MAX = 64 * 1024;
export const ANSWER_BYTES_MAX = 1024 * 1024;
export const JSON_TYPE = 'application/json';
export const YAML_TYPE = 'application/yaml';

/** Bodies of answers by which redeemers, Skupper's too, tell causes apart. */
export const ANSWER = {
  onlyPost: 'Only POST is supported',
  badBody: 'Request body not valid',
  unknown: 'No such claim',
  usedUp: 'No such access granted',
  corrupted: 'Corrupted claim',
  refused: 'Redemption of access token refused',
  tooMany: 'Too many wrong tries',
  tooLarge: 'Request body too large',
  internal: 'Internal error',
} as const;

/** Who asks: in headers in the plain form. */
const Redeemer = {
  /** Of the Secret and the Links; the name of the grant when absent. */
  name: Type.Optional(objectName()),
  /** Site id of the redeemer: the identity in its certificate. */
  subject: Type.String({ minLength: 1, maxLength: 253, pattern: '^[\\x21-\\x7e]+$' }),
};

/** Of the redeemer's site, as it says itself: for a refusal before the token is used up. Skupper passes over it. */
export const SITE_NAME_HEADER = 'skuprt-site-name';
export const SiteName = objectName();

export const RedeemerHeaders = closed(Redeemer);
export const CsrBody = closed({ code: text(), csr: text(), ...Redeemer });
export type CsrBody = Type.Static<typeof CsrBody>;

/** POST /renew/<site id of the issuer>: a site that holds a certificate for a link asks what to trust, and for the next one. */
export const RENEW_PATH = '/renew/';
const PEM_LENGTH_MAX = 16 * 1024;

export const RenewBody = closed({
  /** Of the Secret of its link. */
  name: objectName(),
  /** PEM: its certificate, and intermediate ones. */
  certificate: Type.String({ minLength: 1, maxLength: PEM_LENGTH_MAX }),
  /** Fingerprints of the CAs that it trusts. */
  trusts: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 16 }),
  /** PEM request for the next certificate; absent: it only wants to know. */
  csr: Type.Optional(Type.String({ minLength: 1, maxLength: PEM_LENGTH_MAX })),
  /** Base64, by the key of its certificate, over `renewalText`. */
  signature: Type.String({ minLength: 1, maxLength: 1024 }),
});
export type RenewBody = Type.Static<typeof RenewBody>;

export const RenewAnswer = Type.Object({
  /** PEM bundle by which to trust the issuer's routers. */
  ca: Type.String({ minLength: 1 }),
  /** PEM bundle by which to trust this server from now on. */
  serverCa: Type.String({ minLength: 1 }),
  /** Where to ask from now on, the preferred first. */
  urls: Type.Array(Type.String()),
  /** The certificate shown is to be replaced. */
  rotate: Type.Boolean(),
  certificate: Type.Optional(Type.String({ minLength: 1 })),
});
export type RenewAnswer = Type.Static<typeof RenewAnswer>;

/** What the holder of a certificate signs. */
export function renewalText(
  siteId: string,
  { name, trusts, csr = '' }: Omit<RenewBody, 'signature' | 'certificate'>,
): string {
  return JSON.stringify(['skuprt renewal 1', siteId, name, trusts, csr]);
}

export interface IssueRequest {
  name: string;
  subject: string;
  /** Of its site, as it says itself. */
  siteName?: string;
  /** PEM. Absent in the plain form: the issuer then makes the key. */
  csr?: string;
  /** Fingerprint of the redeemer's own CA, where it has proven which site it is. */
  siteCa?: string;
}
