/** The scripts that run inside pods, as text: they need nothing but Node. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param name of a file of ./pods */
export function podScript(name: string): string {
  return readFileSync(join(import.meta.dirname, 'pods', `${name}.ts`), 'utf8');
}
