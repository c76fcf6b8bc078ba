/** The version of this package. */
import { readFileSync } from 'node:fs';
import { errnoOf } from './files.ts';

/** A checkout has package.json one level up, the compiled package two. */
export function readVersion(): string {
  for (const candidate of ['../package.json', '../../package.json']) {
    try {
      const text = readFileSync(new URL(candidate, import.meta.url), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  return 'unknown';
}
