/**
 * Secrets in configuration: `env:NAME`, `file:PATH` (its first line), `pass:TEXT`, `literal:TEXT`, or the text itself (wire reference 1.1).
 */
import { readFileSync } from 'node:fs';

/** @param notForms forms that are part of the text here @throws what reading the file throws */
export function secretText(text: string | undefined, notForms: readonly string[] = []): string | undefined {
  if (!text) return undefined;
  const [, form, rest] = /^(env|pass|literal|file):(.*)$/s.exec(text) ?? [];
  if (form === undefined || notForms.includes(form)) return text;
  if (form === 'env') return process.env[rest!.trimStart()];
  if (form === 'file') return readFileSync(rest!, 'utf8').split(/\r?\n/, 1)[0];
  return rest;
}
