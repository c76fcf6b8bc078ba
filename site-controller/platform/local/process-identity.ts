/** Which process a pid file means: a pid with the time its process began, because pids are used again. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { readIfExists, writeFileAtomic } from '../../../lib/files.ts';

const run = promisify(execFile);

export interface ProcessIdentity {
  pid: number;
  /** In the system's own form; only compared. */
  startTime: string;
}

/** The identity of a living process, undefined when there is none with this pid. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const startTime = await startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

export async function isAlive({ pid, startTime }: ProcessIdentity): Promise<boolean> {
  return (await startTimeOf(pid)) === startTime;
}

/** The identity in a pid file; undefined when there is none, or not a whole one. */
export async function readPidFile(path: string): Promise<ProcessIdentity | undefined> {
  return parsePidFile(await readIfExists(path));
}

export function parsePidFile(text: string | undefined): ProcessIdentity | undefined {
  const [pid, startTime] = (text ?? '').split('\n');
  return /^[1-9]\d*$/.test(pid ?? '') && startTime ? { pid: Number(pid), startTime } : undefined;
}

export function writePidFile(path: string, identity: ProcessIdentity): Promise<void> {
  return writeFileAtomic(path, formatPidFile(identity));
}

/** The pid on the first line, for people and scripts. */
export function formatPidFile({ pid, startTime }: ProcessIdentity): string {
  return `${pid}\n${startTime}\n`;
}

async function startTimeOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') {
    const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
    return stdout.trim() || undefined;
  }
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command, in parentheses, may hold anything; the fields after it are state (3rd) ... starttime (22nd).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
