/** The certificate of the console in files, which are replaced when it is renewed: looked at again now and then. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsoleServer } from '../../console/server/server.ts';
import type { Logger } from '../../lib/log.ts';
import { FailedError } from '../errors.ts';

const LOOK_MS = 60_000;

export interface TlsMaterial {
  cert: string;
  key: string;
}

/** @throws FailedError */
export async function readTls(directory: string): Promise<TlsMaterial> {
  try {
    const [cert, key] = await Promise.all(
      ['tls.crt', 'tls.key'].map((name) => readFile(join(directory, name), 'utf8')),
    );
    return { cert: cert!, key: key! };
  } catch (cause) {
    throw new FailedError(`The certificate of the console cannot be read from ${directory}`, {
      cause,
      next: 'Let it hold tls.crt and tls.key, which this user may read',
    });
  }
}

/** Until `signal` aborts. */
export function keepTls(
  directory: string,
  first: TlsMaterial,
  { server, log, signal }: { server: ConsoleServer; log: Logger; signal: AbortSignal },
): void {
  void keep();

  async function keep(): Promise<void> {
    let known = first;
    while (!signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
      try {
        const found = await readTls(directory);
        if (found.cert !== known.cert || found.key !== known.key) server.setTls(found);
        known = found;
      } catch (err) {
        // The one that is in use stays; both files are there again in a moment.
        log.warn({ err }, 'certificate of the console not read');
      }
    }
  }
}
