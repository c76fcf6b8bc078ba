/**
 * What each request must pass before anything looks at it: headers that every answer carries, requests that another page made (CSRF), and
 * host names that lead here although they are not ours (DNS rebinding).
 */
import type { FastifyRequest } from 'fastify';
import { ConsoleRequestError } from './errors.ts';

/** Only what this server serves is loaded, run or shown, and nobody frames it. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  // No text becomes markup or code in this page, not even by its own mistake.
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/;
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A console of one machine answers to names of that machine only. @throws ConsoleRequestError */
export function requireLoopbackHost({ headers }: FastifyRequest): void {
  if (LOOPBACK.test(headers.host ?? '')) return;
  throw new ConsoleRequestError(421, 'wrong-host', 'this console answers to localhost and 127.0.0.1 only');
}

/** What changes something comes from this very page, or from no browser at all. @throws ConsoleRequestError */
export function requireOwnOrigin({ method, headers }: FastifyRequest): void {
  if (SAFE_METHODS.has(method)) return;
  const site = headers['sec-fetch-site'];
  const isOther = site !== undefined && site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  const isElsewhere = origin !== undefined && hostOf(origin) !== headers.host;
  if (isOther || isElsewhere) throw new ConsoleRequestError(403, 'other-origin', 'another page made this request');
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
