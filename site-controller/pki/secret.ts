/** TLS material as a Secret of type kubernetes.io/tls: ca.crt, tls.crt, tls.key. */
import { type Secret, secretText, TLS_SECRET_TYPE } from '../../config/api/secret.ts';

export interface TlsMaterial {
  /** PEM bundle of the CAs to trust. */
  ca?: string;
  certificate?: string;
  privateKey?: string;
}

export function tlsSecret(name: string, { ca, certificate, privateKey }: TlsMaterial): Secret {
  const data: Record<string, string> = {};
  for (const [key, pem] of Object.entries({ 'ca.crt': ca, 'tls.crt': certificate, 'tls.key': privateKey })) {
    if (pem !== undefined) data[key] = Buffer.from(pem).toString('base64');
  }
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: TLS_SECRET_TYPE, data };
}

export function tlsMaterialOf(secret: Secret): TlsMaterial {
  const values = secretText(secret);
  return { ca: values['ca.crt'], certificate: values['tls.crt'], privateKey: values['tls.key'] };
}
