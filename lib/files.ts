/** Files that are whole or absent, whatever dies: written beside their place, synced, renamed into it. */
import { access, type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface WriteOptions {
  /** 0o644 when absent; secrets are 0o600. */
  mode?: number;
}

let writeCount = 0;

/** Replaces `path`; a crash at any point leaves the old content or the new one. Missing directories are made, for the owner only. */
export async function writeFileAtomic(path: string, data: string | Buffer, options: WriteOptions = {}): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `.${basename(path)}.${process.pid}.${writeCount++}.tmp`);
  try {
    await withFile(temporary, 'wx', options.mode ?? 0o644, async (file) => {
      await file.writeFile(data);
      // The umask does not decide who may read a secret.
      await file.chmod(options.mode ?? 0o644);
      await file.sync();
    });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw naming(path, error);
  }
  await withFile(directory, 'r', undefined, (file) => file.sync());
}

/** The text of a file, or undefined when there is none. */
export async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The disk, or this user's share of it, is full. */
export function isNoSpace(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOSPC' || errno === 'EDQUOT';
}

/** The system names the file where it opens one, and not where it writes: what is full is of use only with its place. */
export function naming(path: string, error: unknown): unknown {
  if (error instanceof Error && isNoSpace(error) && !('path' in error))
    Object.assign(error, { path, message: `${error.message} '${path}'` });
  return error;
}

async function withFile(
  path: string,
  flags: string,
  mode: number | undefined,
  use: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
