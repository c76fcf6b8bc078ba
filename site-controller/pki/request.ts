/** Certificate requests (PKCS#10, RFC 2986): the private key stays where it was made. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { commonName } from './certificate-body.ts';
import { bytesOf, childrenOf, decode, encode, fromPem, integer, sequence, tagged, toPem } from './der.ts';
import { CertificateRequestError } from './errors.ts';
import { algorithmOf, generateKey, privateKeyPem, publicKeyDer, signed } from './signature.ts';

const LABEL = 'CERTIFICATE REQUEST';

export interface CertificateRequest {
  /** PEM. */
  csr: string;
  /** PEM; never sent. */
  privateKey: string;
}

/** A fresh key and the request for it. */
export function createRequest({ subject }: { subject: string }): CertificateRequest {
  const { privateKey, publicKey } = generateKey();
  const body = sequence(integer(Buffer.from([0])), commonName(subject), decode(publicKeyDer(publicKey)), tagged(0));
  return {
    csr: toPem(LABEL, signed(body, privateKey, algorithmOf(privateKey)!)),
    privateKey: privateKeyPem(privateKey),
  };
}

/** The public key of a request that is signed by that key. @throws CertificateRequestError */
export function readRequest(csr: string): { publicKey: KeyObject } {
  const { body, signature, publicKey } = parse(csr);
  const algorithm = algorithmOf(publicKey);
  if (!algorithm) throw refused('its key is neither ECDSA nor RSA of at least 2048 bits');
  if (!verify(algorithm.hash, body, publicKey, signature)) throw refused('it is not signed by its own key');
  return { publicKey };
}

function parse(csr: string): { body: Buffer; signature: Buffer; publicKey: KeyObject } {
  try {
    const [body, , signature] = childrenOf(decode(fromPem(LABEL, csr)));
    return {
      body: encode(body!),
      signature: bytesOf(signature).subarray(1),
      publicKey: createPublicKey({ key: encode(childrenOf(body)[2]!), format: 'der', type: 'spki' }),
    };
  } catch (cause) {
    throw refused('it is not a PKCS#10 request in PEM', cause);
  }
}

function refused(reason: string, cause?: unknown): CertificateRequestError {
  return new CertificateRequestError(`the certificate request was refused: ${reason}`, {
    cause,
    next: 'Send a PEM request for an ECDSA P-256 key, signed with SHA-256 by that key',
  });
}
