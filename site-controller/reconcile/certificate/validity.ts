/** How long certificates live and when the next one is due. */
import type { CertificateSpec } from '../../../config/api/certificate.ts';
import { parseDurationMs } from '../../../config/api/duration.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
export const CA_VALID_MS = 10 * 365 * DAY_MS;
export const LEAF_VALID_MS = 365 * DAY_MS;
/** Certificates begin some minutes before they are made: shorter ones would be due at once. */
const VALID_MS_MIN = 5 * 60 * 1000;
/** Of the certificate of a link. Skupper's sites cannot renew it, so it lives as long as with Skupper. */
export const LINK_VALID_MS = 5 * LEAF_VALID_MS;
/** A certificate is made anew when this part of its life is over. */
const RENEW_AFTER = 2 / 3;

/** Setting of a Certificate: how long it lives, as a duration. */
export const VALIDITY_SETTING = 'skuprt.io/validity';

export function validityMs({ signing, settings }: CertificateSpec): number {
  const given = parseDurationMs(settings?.[VALIDITY_SETTING] ?? '');
  return given ? Math.max(given, VALID_MS_MIN) : signing ? CA_VALID_MS : LEAF_VALID_MS;
}

export function renewalTime({ notBefore, notAfter }: { notBefore: number; notAfter: number }): number {
  return notBefore + (notAfter - notBefore) * RENEW_AFTER;
}
