/** `npm run gen`: writes what is generated in config/; `npm run gen -- --check` fails when something is stale. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFiles } from './gen-config.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stale: string[] = [];
for (const [path, text] of generatedFiles()) {
  const file = join(root, path);
  if (readIfThere(file) === text) continue;
  stale.push(path);
  if (process.argv.includes('--check')) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
if (process.argv.includes('--check') && stale.length > 0) {
  process.stderr.write(`Stale; run npm run gen:\n${stale.map((path) => `  ${path}\n`).join('')}`);
  process.exitCode = 1;
} else {
  process.stdout.write(`${stale.length} files written\n`);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
