/**
 * How a site that redeems a token proves that it is the one which it says: by the key of its own CA, whose certificate it tells the
 * network. It goes in a header, which issuers that do not know it pass over. Bound to the grant and to the certificate request, so it is
 * of no use to whoever sees it: the key of the request stays with the site.
 */
import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import { isKeyOf } from '../pki/inspect.ts';
import { algorithmOf } from '../pki/signature.ts';

export const SITE_PROOF_HEADER = 'skuprt-site-proof';
/** A header longer than this is not read: an RSA key of 8192 bits fits. */
const PROOF_LENGTH_MAX = 8 * 1024;

export interface ProofSubject {
  /** UID of the grant. */
  uid: string;
  name: string;
  /** Id of the site. */
  subject: string;
  csr: string;
}

/** Undefined where the CA has no key that can sign. */
export function siteProof(ca: { certificate: string; privateKey: string }, subject: ProofSubject): string | undefined {
  if (!isKeyOf(ca.certificate, ca.privateKey)) return undefined;
  const key = createPrivateKey(ca.privateKey);
  const algorithm = algorithmOf(key);
  if (algorithm === undefined) return undefined;
  const certificate = new X509Certificate(ca.certificate).raw.toString('base64');
  return `${certificate}.${sign(algorithm.hash, textOf(subject), key).toString('base64')}`;
}

/** Fingerprint of the CA that a proof is by; undefined for one that proves nothing. */
export function provenCa(proof: string | undefined, subject: ProofSubject): string | undefined {
  if (proof === undefined || proof.length > PROOF_LENGTH_MAX) return undefined;
  const [certificate = '', signature = ''] = proof.split('.');
  try {
    const ca = new X509Certificate(Buffer.from(certificate, 'base64'));
    const algorithm = algorithmOf(ca.publicKey);
    const isBy = algorithm && verify(algorithm.hash, textOf(subject), ca.publicKey, Buffer.from(signature, 'base64'));
    return isBy ? ca.fingerprint256 : undefined;
  } catch {
    return undefined;
  }
}

function textOf({ uid, name, subject, csr }: ProofSubject): Buffer {
  return Buffer.from(JSON.stringify(['skuprt redemption 1', uid, name, subject, csr]));
}
