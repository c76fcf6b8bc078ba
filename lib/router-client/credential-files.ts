/** The credentials by which a client of a router proves itself, as files: ca.crt, tls.crt, tls.key. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RouterEndpoint } from './client.ts';

/** As they are now: they are replaced from time to time. @throws the error of the file system */
export async function readCredentials(directory: string): Promise<Pick<RouterEndpoint, 'ca' | 'cert' | 'key'>> {
  const [ca, cert, key] = await Promise.all(
    ['ca.crt', 'tls.crt', 'tls.key'].map((name) => readFile(join(directory, name), 'utf8')),
  );
  return { ca, cert, key };
}
