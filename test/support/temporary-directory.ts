/**
 * All temporary files of a test run live in one directory, which goes with the run: whatever a killed process left too. So do its
 * processes, also when the run is killed and cannot end them: see run-guard.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const GUARD = fileURLToPath(new URL('./run-guard.ts', import.meta.url));

export async function setup(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'skuprt-tests-'));
  const guard = guardRun(directory);
  process.env.TMPDIR = directory;
  process.env.SKUPRT_TEST_PORTS = join(directory, 'ports');
  await mkdir(process.env.SKUPRT_TEST_PORTS);
  return async () => {
    await rm(directory, { recursive: true, force: true });
    guard.unref();
  };
}

/** Started before this process calls the directory its own, so that it is none of those whose end it sees to. */
function guardRun(directory: string): ChildProcess {
  // Of its own session: what ends this process with its group leaves it. It hears of the end by its standard input, which closes.
  const guard = spawn(process.execPath, [GUARD, directory], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  // A run without it is as good, but for what is left when it is killed.
  guard.on('error', () => undefined);
  guard.stdin!.on('error', () => undefined);
  guard.unref();
  return guard;
}
