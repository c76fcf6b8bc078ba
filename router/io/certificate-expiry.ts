/** When certificates of a TLS profile expire: read once, when its files are. */
import { X509Certificate } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';

export interface Expiry {
  /** Milliseconds since 1970; undefined when there is none. */
  own: number | undefined;
  ca: number | undefined;
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The first to expire of the certificates in `pem`; those that cannot be read do not count.
 * @param countMax only so many of them: of a chain, the first is one's own
 */
export function firstExpiry(
  pem: SecureContextOptions['cert'],
  countMax = Number.POSITIVE_INFINITY,
): number | undefined {
  if (typeof pem !== 'string') return undefined;
  const times = [...pem.matchAll(PEM)].slice(0, countMax).map(([text]) => timeOf(text));
  const known = times.filter((at) => !Number.isNaN(at));
  return known.length === 0 ? undefined : Math.min(...known);
}

function timeOf(pem: string): number {
  try {
    return Date.parse(new X509Certificate(pem).validTo);
  } catch {
    return Number.NaN;
  }
}
