/** `version`. */
import { readFileSync } from 'node:fs';
import { type Context, print } from '../context.ts';

export function showVersion(context: Context): void {
  print(context, readVersion());
}

/** The version of the package that this file belongs to: a checkout has package.json one level up, the package two. */
export function readVersion(): string {
  for (const candidate of ['../../package.json', '../../../package.json']) {
    try {
      const text = readFileSync(new URL(candidate, import.meta.url), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return 'unknown';
}
