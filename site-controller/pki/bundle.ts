/** PEM bundles of CAs: each certificate once, in a given order, so that equal sets give equal texts. */
import { X509Certificate } from 'node:crypto';
import { splitBundle } from './inspect.ts';

/** All certificates of `bundles`, the first of equal ones; those that ended by `now` are left out, but for the very first. */
export function joinBundles(bundles: readonly string[], now: number): string {
  const seen = new Set<string>();
  const kept: string[] = [];
  for (const pem of bundles.flatMap(splitBundle)) {
    const certificate = parsed(pem);
    if (certificate === undefined || seen.has(certificate.fingerprint256)) continue;
    seen.add(certificate.fingerprint256);
    if (kept.length === 0 || Date.parse(certificate.validTo) > now) kept.push(pem);
  }
  return kept.map((pem) => `${pem}\n`).join('');
}

function parsed(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
