/** Files that a user names on the command line: any path, `-` for a standard stream, errors with the path in them. */
import { access, constants, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { errnoOf, writeFileAtomic } from '../lib/files.ts';
import { type Context, print } from './context.ts';
import { FileError, NotFoundError } from './errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'the directory does not exist',
  ENOTDIR: 'a part of the path is no directory',
  EACCES: 'permission denied',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a directory',
  ENOSPC: 'the disk is full',
};

/** What messages call a file of the command line. */
export function titleOf(file: string): string {
  return file === '-' ? 'standard input' : file;
}

/** @throws NotFoundError, FileError */
export async function readInput(context: Context, file: string): Promise<string> {
  if (file === '-') return await text(context.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw new NotFoundError(`There is no file ${file}`, { next: 'Check the path' });
    throw unusable('read', file, error);
  }
}

/** Fails early where `writeSecret` would fail later. @throws FileError */
export async function requireWritable(file: string): Promise<void> {
  if (file === '-') return;
  try {
    const found = await stat(file).catch(() => undefined);
    if (found?.isDirectory()) throw Object.assign(new Error('directory'), { code: 'EISDIR' });
    await access(found === undefined || found.isFile() ? dirname(file) : file, constants.W_OK);
  } catch (error) {
    throw unusable('written', file, error);
  }
}

/** Whole or not at all, readable by this user only. A pipe or a device is written as it is. @throws FileError */
export async function writeSecret(context: Context, file: string, content: string | Buffer): Promise<void> {
  if (file === '-') {
    if (typeof content === 'string') print(context, content);
    else context.stdout.write(content);
    return;
  }
  try {
    const found = await stat(file).catch(() => undefined);
    if (found === undefined || found.isFile()) await writeFileAtomic(file, content, { mode: 0o600 });
    else await writeFile(file, content);
  } catch (error) {
    throw unusable('written', file, error);
  }
}

/** What an error of the file system means. */
export function reasonOf(error: unknown): string {
  const errno = errnoOf(error) ?? String(error);
  return REASONS[errno] ?? errno;
}

function unusable(how: string, file: string, error: unknown): FileError {
  return new FileError(`File ${file} cannot be ${how}: ${reasonOf(error)}`, {
    next: 'Choose another path',
    cause: error,
  });
}
