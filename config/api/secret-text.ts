/** What Secrets hold, without their schema: for processes that must stay small. */
import type { Secret } from './secret.ts';

export const TLS_SECRET_TYPE = 'kubernetes.io/tls';

/** The values of a secret as text, whichever way they are written. */
export function secretText(secret: Secret): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [key, value] of Object.entries(secret.data ?? {})) values[key] = Buffer.from(value, 'base64').toString();
  return { ...values, ...secret.stringData };
}
