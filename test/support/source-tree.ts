/** The repository's own TypeScript, as far as house rules look at it: paths, text without comments and strings, imports. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

export interface Import {
  /** Path from the root for own files, else the specifier: `node:net`, `fastify`. */
  readonly target: string;
  readonly own: boolean;
  /** Gone at run time. */
  readonly typeOnly: boolean;
}

export interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Without comments and the content of strings; line breaks stay. */
  readonly code: string;
  readonly imports: readonly Import[];
}

const SKIPPED = new Set(['node_modules', 'dist', 'vectors']);

/** All `.ts` files below the working directory, in order of path. */
export function readSourceTree(): SourceFile[] {
  return walk('.').sort().map(readSource);
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || SKIPPED.has(entry.name)) return [];
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return walk(path);
    return path.endsWith('.ts') ? [path] : [];
  });
}

function readSource(path: string): SourceFile {
  const text = readFileSync(path, 'utf8');
  return { path, text, code: withoutStrings(withoutComments(text)), imports: importsOf(path, withoutComments(text)) };
}

const STATIC_IMPORT = /^\s*(?:import|export)\s+(type\s+)?(?:[^;'"]*?\sfrom\s+)?'([^'\n]+)'/gm;
const DYNAMIC_IMPORT = /\b(?:import\(|new URL\()\s*'([^'\n]+\.ts)'/g;

function importsOf(path: string, code: string): Import[] {
  const fixed = [...code.matchAll(STATIC_IMPORT)].map(([, type, specifier]) => ({
    specifier: specifier!,
    typeOnly: !!type,
  }));
  const lazy = [...code.matchAll(DYNAMIC_IMPORT)].map(([, specifier]) => ({ specifier: specifier!, typeOnly: false }));
  return [...fixed, ...lazy].map(({ specifier, typeOnly }) => {
    const own = specifier.startsWith('.');
    return { target: own ? posix.join(posix.dirname(path), specifier) : specifier, own, typeOnly };
  });
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, '')).replace(/(^|\s)\/\/.*$/gm, '$1');
}

function withoutStrings(code: string): string {
  return code.replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, "''").replace(/`(?:\\.|[^`\\$])*`/g, "''");
}
