/** Secrets in configuration: `env:NAME`, `file:PATH`, `pass:TEXT`, `literal:TEXT`, or the text itself (wire reference 1.1). */
import { readFileSync } from 'node:fs';

/** @throws what reading the file throws */
export function secretText(text: string | undefined): string | undefined {
  if (!text) return undefined;
  const [, form, rest] = /^(env|pass|literal|file):(.*)$/s.exec(text) ?? [];
  if (form === 'env') return process.env[rest!];
  if (form === 'file') return readFileSync(rest!, 'utf8').trimEnd();
  return form === undefined ? text : rest;
}
