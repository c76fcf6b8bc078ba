/**
 * The page's files, read once at the start: compressed, with an ETag, and looked up by path. No request ever reaches the file system. In a
 * checkout the page's TypeScript is served with its types blanked out; the package holds it compiled.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import module, { createRequire } from 'node:module';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { ConsolePageError } from './errors.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
};
/** Those that are compressed already gain nothing. */
const PACKED = new Set(['.png']);
/** What the page imports by these names is one module, made of the libraries' own builds, in an order that each finds its needs. */
const LIBRARY = { name: 'd3-force', path: '/libraries/d3-force.js', needs: ['d3-dispatch', 'd3-quadtree', 'd3-timer'] };

/** Beside this folder, in a checkout and in the package. */
export const PAGE_FOLDER = fileURLToPath(new URL('../page/', import.meta.url));

export type Encoding = 'identity' | 'gzip' | 'br';

export interface PageFile {
  readonly type: string;
  readonly etag: string;
  readonly bodies: Readonly<Partial<Record<Encoding, Buffer>>> & { readonly identity: Buffer };
}

export type PageFiles = ReadonlyMap<string, PageFile>;

/** By the path of their URL; `/` is `index.html`. @throws ConsolePageError */
export async function readPageFiles(folder: string): Promise<PageFiles> {
  const files = new Map<string, PageFile>();
  try {
    for (const name of await pageNames(folder)) {
      const path = `/${name.split(sep).join('/').replace(/\.ts$/, '.js')}`;
      files.set(path, await pageFile(path, await contentOf(join(folder, name))));
    }
    files.set(LIBRARY.path, await pageFile(LIBRARY.path, Buffer.from(await libraryText())));
  } catch (cause) {
    throw new ConsolePageError(`the page of the console cannot be read from ${folder}`, {
      cause,
      next: 'Install the package again',
    });
  }
  const index = files.get('/index.html');
  if (index === undefined) throw new ConsolePageError(`there is no page of the console in ${folder}`);
  files.set('/', index);
  return files;
}

/** In the best form that the browser takes. */
export function bodyFor(file: PageFile, acceptEncoding: string | undefined): { encoding: Encoding; body: Buffer } {
  const accepted = (acceptEncoding ?? '').split(',').map((one) => one.trim().replace(/;q=(?!0(\.0*)?$).*$/, ''));
  for (const encoding of ['br', 'gzip'] as const) {
    const body = file.bodies[encoding];
    if (body !== undefined && accepted.includes(encoding)) return { encoding, body };
  }
  return { encoding: 'identity', body: file.bodies.identity };
}

/** Relative to the folder, without what is for the compiler only. */
async function pageNames(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names
    .filter((name) => extname(name) === '.ts' || extname(name) in TYPES)
    .filter((name) => !/(^|[\\/])(\.|tsconfig)|\.d\.ts$/.test(name))
    .sort();
}

async function contentOf(path: string): Promise<Buffer> {
  const content = await readFile(path);
  const isTypeScript = path.endsWith('.ts');
  if (!isTypeScript && !path.endsWith('.js')) return content;
  const text = isTypeScript ? withoutTypes(content.toString()) : content.toString();
  return Buffer.from(withServedImports(text));
}

/** Modules import each other as files of a checkout, and libraries by name; a browser needs paths. */
function withServedImports(text: string): string {
  return text
    .replace(/(\bfrom\s*|\bimport\s*\(?\s*)(['"])(\.{1,2}\/[^'"]+)\.ts\2/g, '$1$2$3.js$2')
    .replaceAll(new RegExp(`(\\bfrom\\s*)(['"])${LIBRARY.name}\\2`, 'g'), `$1$2${LIBRARY.path}$2`);
}

function withoutTypes(text: string): string {
  // Node says once a process that this may change; who looks at the console of a checkout need not know.
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return module.stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** The libraries' builds for CommonJS, joined: each is given its own `exports` and finds the others by name. */
async function libraryText(): Promise<string> {
  const require = createRequire(import.meta.url);
  const parts: string[] = [];
  for (const name of [...LIBRARY.needs, LIBRARY.name]) {
    const entry = require.resolve(name);
    const build = join(entry.slice(0, entry.lastIndexOf(join('node_modules', name))), 'node_modules', name, 'dist');
    const text = await readFile(join(build, `${name}.min.js`), 'utf8');
    parts.push(`{const module={},exports=(modules['${name}']={});\n${text}\n}`);
  }
  const names = Object.keys((await import(LIBRARY.name)) as object).filter((name) => /^force\w+$/.test(name));
  return [
    'const modules={},require=(name)=>modules[name];',
    ...parts,
    `export const {${names.join(',')}}=modules['${LIBRARY.name}'];`,
    '',
  ].join('\n');
}

async function pageFile(path: string, identity: Buffer): Promise<PageFile> {
  const extension = extname(path);
  const etag = `"${createHash('sha256').update(identity).digest('base64url').slice(0, 22)}"`;
  const type = TYPES[extension] ?? 'application/octet-stream';
  if (PACKED.has(extension)) return { type, etag, bodies: { identity } };
  const br = await promisify(brotliCompress)(identity, {
    params: { [constants.BROTLI_PARAM_SIZE_HINT]: identity.length },
  });
  return { type, etag, bodies: { identity, gzip: await promisify(gzip)(identity, { level: 9 }), br } };
}
