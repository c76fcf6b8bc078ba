/** The page's files as they are served: small, without types, importing only what is served too. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyFor, PAGE_FOLDER, type PageFiles, readPageFiles } from '../../console/server/page-files.ts';
import { fakeConsole } from '../support/console-server.ts';

const COMPRESSED_BYTES_MAX = 300_000;
const HEADERS = { host: 'localhost:8090' };
const PART = './parts/b.ts';

let files: PageFiles;
beforeAll(async () => {
  files = await readPageFiles(PAGE_FOLDER);
});

const text = (path: string) => files.get(path)?.bodies.identity.toString() ?? '';

describe('the page', () => {
  it('has less than 300 kB to load, compressed', () => {
    const sizes = [...new Set(files.values())].map(({ bodies }) => (bodies.gzip ?? bodies.identity).length);
    expect(sizes.length).toBeGreaterThan(10);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(COMPRESSED_BYTES_MAX);
  });

  it('imports only what is served', () => {
    const missing = [...files.keys()]
      .filter((path) => path.endsWith('.js'))
      .flatMap((path) =>
        [...text(path).matchAll(/^(?:import|export)\s[^'"]*?from\s*['"]([^'"]+)['"]/gm)].flatMap(([, target = '']) => {
          const found = target.startsWith('.') ? posix.join(posix.dirname(path), target) : target;
          return files.has(found) ? [] : [`${path} -> ${target}`];
        }),
      );
    expect(missing).toEqual([]);
    expect(text('/main.js')).toContain('.js');
  });

  it('loads nothing from elsewhere, and has no script or style of its own inside the HTML', () => {
    const html = text('/');
    const loaded = [...html.matchAll(/\b(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    expect(loaded.length).toBeGreaterThan(1);
    expect(loaded.filter((path) => !files.has(path))).toEqual([]);
    expect(html).not.toMatch(/<style|style="|<script(?![^>]*src=)| on\w+="/);
  });

  it('finds the forces of its picture in one module made of the libraries', async () => {
    const source = text('/libraries/d3-force.js');
    const library = await import(`data:text/javascript;base64,${Buffer.from(source).toString('base64')}`);
    const nodes = [
      { x: 0, y: 0 },
      { x: 1, y: 0 },
    ];
    library.forceSimulation(nodes).force('charge', library.forceManyBody()).stop().tick(50);
    expect(Math.abs(nodes[1]!.x - nodes[0]!.x)).toBeGreaterThan(5);
  });
});

describe('a file', () => {
  const get = (path: string, headers = {}) =>
    fakeConsole({}, { page: files }).server.inject({ url: path, headers: { ...HEADERS, ...headers } });

  it('comes compressed as the browser takes it', async () => {
    const plain = await get('/main.js');
    expect([plain.headers['content-encoding'], plain.headers['content-type']]).toEqual([
      undefined,
      'text/javascript; charset=utf-8',
    ]);
    const br = await get('/main.js', { 'accept-encoding': 'gzip, deflate, br' });
    expect(br.headers['content-encoding']).toBe('br');
    expect(brotliDecompressSync(br.rawPayload).toString()).toBe(plain.body);
    const gzip = await get('/main.js', { 'accept-encoding': 'gzip;q=1.0, br;q=0' });
    expect(gzip.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(gzip.rawPayload).toString()).toBe(plain.body);
    expect(gzip.headers.vary).toBe('accept-encoding');
  });

  it('that the browser has already is not sent again', async () => {
    const headers = { 'accept-encoding': 'br' };
    const etag = String((await get('/style.css', headers)).headers.etag);
    const again = await get('/style.css', { ...headers, 'if-none-match': etag });
    expect([again.statusCode, again.rawPayload.length]).toEqual([304, 0]);
    const other = await get('/style.css', { 'if-none-match': etag });
    expect(other.statusCode).toBe(200);
  });

  it('outside of the page is never found', async () => {
    const paths = [
      '/../server/server.ts',
      '/..%2fserver%2fserver.ts',
      '/%2e%2e/server/server.ts',
      '//etc/passwd',
      '/main.ts',
      '/tsconfig.json',
      '/\\..\\package.json',
      '/%00',
      '/constructor',
    ];
    for (const path of paths) {
      const answer = await get(path);
      expect([path, [400, 404].includes(answer.statusCode)]).toEqual([path, true]);
    }
  });

  it('is not changed by a POST', async () => {
    const { server } = fakeConsole({}, { page: files });
    const answer = await server.inject({ method: 'POST', url: '/', headers: HEADERS });
    expect(answer.statusCode).toBe(404);
  });
});

describe('a folder', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'skuprt-page-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('without a page is a package that is not whole', async () => {
    await expect(readPageFiles(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'SKUPRT_CONSOLE_PAGE' });
    mkdirSync(join(folder, 'empty'));
    await expect(readPageFiles(join(folder, 'empty'))).rejects.toMatchObject({ code: 'SKUPRT_CONSOLE_PAGE' });
  });

  it('gives its TypeScript as JavaScript, and imports of it as paths', async () => {
    const page = join(folder, 'page');
    mkdirSync(join(page, 'parts'), { recursive: true });
    writeFileSync(join(page, 'index.html'), '<!doctype html>');
    const lines = [
      "import type { A } from './types.ts';",
      "import { b } from './parts/b.ts';",
      "import { forceLink } from 'd3-force';",
      `const lazy = import('${PART}');`,
      "const c: A = b as A; // './parts/b.ts'",
    ];
    writeFileSync(join(page, 'main.ts'), lines.join('\n'));
    writeFileSync(join(page, 'parts', 'b.ts'), 'export const b: number = 1;\n');
    symlinkSync('/etc/hostname', join(page, 'secret.txt'));
    const read = await readPageFiles(page);
    const main = read.get('/main.js')!.bodies.identity.toString();
    expect(main).toContain("import { b } from './parts/b.js';");
    expect(main).toContain("from '/libraries/d3-force.js'");
    expect(main).toContain("import('./parts/b.js')");
    expect(main).not.toMatch(/: A|import type/);
    expect([...read.keys()].sort()).toEqual(['/', '/index.html', '/libraries/d3-force.js', '/main.js', '/parts/b.js']);
    expect(bodyFor(read.get('/')!, undefined).encoding).toBe('identity');
  });
});
