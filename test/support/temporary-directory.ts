/** All temporary files of a test run live in one directory, which goes with the run: whatever a killed process left too. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function setup(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'skuprt-tests-'));
  process.env.TMPDIR = directory;
  return () => rm(directory, { recursive: true, force: true });
}
