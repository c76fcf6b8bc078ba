/** TLS material as a Secret of type kubernetes.io/tls: ca.crt, tls.crt, tls.key. */
import { createHash } from 'node:crypto';
import type { Secret } from '../../config/api/secret.ts';
import { secretText, TLS_SECRET_TYPE } from '../../config/api/secret-text.ts';
import { CONTROLLED_LABEL } from '../../config/names.ts';
import { splitBundle } from './inspect.ts';

export interface TlsMaterial {
  /** PEM bundle of the CAs to trust. */
  ca?: string;
  /** PEM; intermediate certificates may follow. */
  certificate?: string;
  privateKey?: string;
}

/** Types of Secrets that may hold TLS material; the original takes one without a type too. */
const TLS_TYPES = new Set<string | undefined>([TLS_SECRET_TYPE, 'Opaque', '', undefined]);

export function tlsSecret(name: string, { ca, certificate, privateKey }: TlsMaterial): Secret {
  const data: Record<string, string> = {};
  for (const [key, pem] of Object.entries({ 'ca.crt': ca, 'tls.crt': certificate, 'tls.key': privateKey })) {
    if (pem !== undefined) data[key] = Buffer.from(pem).toString('base64');
  }
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: TLS_SECRET_TYPE, data };
}

/** An empty value counts as absent: cert-manager writes an empty ca.crt for issuers that have none. */
export function tlsMaterialOf(secret: Secret): TlsMaterial {
  const values = secretText(secret);
  return {
    ca: values['ca.crt'] || undefined,
    certificate: values['tls.crt'] || undefined,
    privateKey: values['tls.key'] || undefined,
  };
}

/** Whether it holds TLS material of any use. */
export function isTlsSecret(secret: Secret): boolean {
  if (!TLS_TYPES.has(secret.type)) return false;
  const { ca, certificate } = tlsMaterialOf(secret);
  return ca !== undefined || certificate !== undefined;
}

/** What to trust where ca.crt is absent: what a chain ends with, else the certificate itself. */
export function trustOf({ ca, certificate }: TlsMaterial): string | undefined {
  if (ca !== undefined || certificate === undefined) return ca;
  const chain = splitBundle(certificate);
  return chain.length > 1 ? `${chain.slice(1).join('\n')}\n` : certificate;
}

/** Identity of the material of a Secret: hex SHA-256 over its three texts, each on lines of its own. */
export function secretDigest(secret: Secret): string {
  const { ca = '', certificate = '', privateKey = '' } = tlsMaterialOf(secret);
  return createHash('sha256').update(`${ca}\n${certificate}\n${privateKey}`).digest('hex');
}

/** Whether a controller made it, ours or Skupper's: the others belong to somebody and stay as they are. */
export function isControlledSecret({ metadata }: Secret): boolean {
  return metadata.labels?.[CONTROLLED_LABEL] === 'true' || metadata.annotations?.[CONTROLLED_LABEL] === 'true';
}
