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

export const RedeemerHeaders = closed(Redeemer);
export const CsrBody = closed({ code: text(), csr: text(), ...Redeemer });
export type CsrBody = Type.Static<typeof CsrBody>;

export interface IssueRequest {
  name: string;
  subject: string;
  /** PEM. Absent in the plain form: the issuer then makes the key. */
  csr?: string;
}
