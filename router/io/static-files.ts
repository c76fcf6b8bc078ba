/**
 * Files of a directory over HTTP, for `httpRootDir` of a listener: what lies in it and is a plain file, nothing else (wire reference 11).
 *
 * Invariant: a path leads out of the directory neither by `..` nor by a symbolic link.
 */
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

const INDEX = 'index.html';
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};
const ANY_TYPE = 'application/octet-stream';

export interface StaticFile {
  file: FileHandle;
  sizeBytes: number;
  type: string;
}

/** @param path of the URL, escapes and all @returns undefined when there is no such file; otherwise the caller closes it */
export async function openStatic(rootDir: string, path: string): Promise<StaticFile | undefined> {
  const name = decoded(path);
  if (name === undefined || name.includes('\0')) return undefined;
  let file: FileHandle | undefined;
  try {
    const root = await realpath(rootDir);
    const found = await realpath(join(root, name.endsWith('/') ? `${name}${INDEX}` : name));
    if (!found.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined;
    file = await open(found, 'r');
    const { size } = await checkPlain(file);
    return { file, sizeBytes: size, type: TYPES[extname(found).toLowerCase()] ?? ANY_TYPE };
  } catch {
    // Which of the reasons it was is nobody's business outside.
    await file?.close();
    return undefined;
  }
}

async function checkPlain(file: FileHandle): Promise<{ size: number }> {
  const stat = await file.stat();
  if (!stat.isFile()) throw new Error('not a plain file');
  return stat;
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
