/** The generated part of docs/performance.md: what stands between two markers; the rest of the document is written by hand. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const DOCUMENT = fileURLToPath(new URL('../../../docs/performance.md', import.meta.url));
const BEGIN = '<!-- written by `npm run bench -- net --docs`: begin -->';
const END = '<!-- written by `npm run bench -- net --docs`: end -->';

export function writeDocument(generated: string): void {
  writeFileSync(DOCUMENT, withGenerated(readFileSync(DOCUMENT, 'utf8'), generated));
}

/** `document` with another generated part. @throws when a marker is missing */
export function withGenerated(document: string, generated: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md: needs the lines ${BEGIN} and ${END}`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${generated.trim()}\n\n${document.slice(end)}`;
}
