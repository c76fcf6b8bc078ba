/** A file of a dump, and what is taken out of it before it is one. Pure. */

import { redact } from '../../../lib/log.ts';
import type { CertificateFacts } from '../../../site-controller/pki/inspect.ts';
import { inspectCertificate, splitBundle } from '../../../site-controller/pki/inspect.ts';

export interface Entry {
  name: string;
  data: string;
}

const REDACTED = '[redacted]';
const LOG_LENGTH_MAX = 4 * 1024 * 1024;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** In JSON, such as a router's configuration. */
const PASSWORD = /("[A-Za-z]*password"\s*:\s*)"(?:[^"\\]|\\.)*"/gi;
/** What `kubectl apply` keeps of an object as it was given, codes and all. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

interface AnyObject {
  kind?: string;
  metadata?: { annotations?: Record<string, string>; managedFields?: unknown; [member: string]: unknown };
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  spec?: object;
  status?: object;
}

/** The resource with the values of secrets, codes and keys replaced; of certificates in Secrets what they say. */
export function withoutSecrets(object: object): object {
  const { managedFields: _fields, annotations, ...metadata } = (object as AnyObject).metadata ?? {};
  const { [LAST_APPLIED]: _applied, ...kept } = annotations ?? {};
  const bare = {
    ...object,
    metadata: { ...metadata, ...(Object.keys(kept).length > 0 && { annotations: kept }) },
  } as AnyObject;
  if (bare.kind === 'Secret') return secretFacts(bare);
  // `data` of a ConfigMap is what a dump is for; keys in it are not.
  if (bare.kind === 'ConfigMap') return { ...bare, data: textsWithoutKeys(bare.data ?? {}) };
  return withoutCodes(redact(bare) as AnyObject);
}

/** The code of a grant lets its reader in, whatever it looks like. */
export function withoutCodes(given: object): object {
  const object = given as AnyObject;
  if (object.kind !== 'AccessGrant' && object.kind !== 'AccessToken') return object;
  const parts = (['spec', 'status'] as const).flatMap((member) => {
    const part = object[member];
    return part === undefined || !('code' in part) ? [] : [[member, { ...part, code: REDACTED }]];
  });
  return { ...object, ...Object.fromEntries(parts) };
}

/** A log, or its end, without private keys. */
export function logText(text: string): string {
  return text.slice(-LOG_LENGTH_MAX).replace(PRIVATE_KEY, REDACTED);
}

function secretFacts({ data, stringData, ...rest }: AnyObject): object {
  const values = { ...data, ...stringData };
  const certificates = Object.entries(data ?? {}).flatMap(([key, value]) => {
    const facts = certificateFacts(Buffer.from(value, 'base64').toString());
    return facts.length > 0 ? [[key, facts]] : [];
  });
  return {
    ...rest,
    stringData: Object.fromEntries(Object.keys(values).map((name) => [name, REDACTED])),
    ...(certificates.length > 0 && { certificates: Object.fromEntries(certificates) }),
  };
}

function certificateFacts(text: string): (Omit<CertificateFacts, 'notBefore' | 'notAfter'> & { until: string })[] {
  return splitBundle(text).flatMap((pem) => {
    try {
      const { notBefore: _from, notAfter, ...facts } = inspectCertificate(pem);
      return [{ ...facts, until: new Date(notAfter).toISOString() }];
    } catch {
      return [];
    }
  });
}

function textsWithoutKeys(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [
      key,
      text.replace(PRIVATE_KEY, REDACTED).replace(PASSWORD, `$1"${REDACTED}"`),
    ]),
  );
}
