/** Ending child processes by process id, kindly first. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const TERM_PATIENCE_MS = 20_000;

export function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** SIGTERM, and SIGKILL to one that does not follow it; resolves when the process has ended. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const impatient = setTimeout(() => child.kill('SIGKILL'), TERM_PATIENCE_MS);
  await exited;
  clearTimeout(impatient);
}
