/**
 * One controller per namespace: the pid file is the lock. It is linked into place whole, so that of several starters
 * exactly one succeeds; a file left by a killed process is taken over.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, readIfExists } from '../../../lib/files.ts';
import { SiteRunningError } from './errors.ts';
import { formatPidFile, identify, isAlive, parsePidFile } from './process-identity.ts';

/** Takes the lock or throws SiteRunningError; the result gives it back. */
export async function lockSite(path: string, namespace: string): Promise<() => Promise<void>> {
  const own = formatPidFile((await identify(process.pid))!);
  const temp = `${path}.${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(temp, own, { flag: 'wx' });
  try {
    while (!(await linked(temp, path))) await removeStale(path, namespace);
  } finally {
    await rm(temp, { force: true });
  }
  return async () => {
    if ((await readIfExists(path)) === own) await rm(path, { force: true });
  };
}

/** The process that runs the site, undefined when none does. */
export async function runningSite(path: string): Promise<number | undefined> {
  const holder = parsePidFile(await readIfExists(path));
  return holder !== undefined && (await isAlive(holder)) ? holder.pid : undefined;
}

async function linked(temp: string, path: string): Promise<boolean> {
  try {
    await link(temp, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function removeStale(path: string, namespace: string): Promise<void> {
  const found = await readIfExists(path);
  if (found === undefined) return;
  const pid = await runningSite(path);
  if (pid !== undefined) throw new SiteRunningError(namespace, pid);
  const aside = `${path}.${randomUUID()}`;
  await rename(path, aside).catch(() => undefined);
  const moved = await readIfExists(aside);
  // Another starter may have put its own lock there between the look and the move: give that one back.
  if (moved !== undefined && moved !== found) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}
