/** A dump's files as one compressed archive. Pure but for the time of its files. */
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Entry } from './entry.ts';

/** Readable by whoever can read the archive, and by nobody else once unpacked. */
const FILE_MODE = 0o600;

/** A tar.gz with one folder named `folder` that holds the entries, their names kept whole however long. */
export async function packArchive(folder: string, entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { name, data } of entries) archive.entry({ name: `${folder}/${name}`, mode: FILE_MODE }, data);
  archive.finalize();
  return await buffer(archive.pipe(createGzip()));
}
