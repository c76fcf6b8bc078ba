/** The original router takes and refuses the same configuration files, but for those that are listed as different. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { ODD_FILES, type OddFile } from '../support/odd-config-files.ts';
import { originalRouter } from '../support/original-router.ts';

const directory = mkdtempSync(join(tmpdir(), 'skuprt-odd-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** One that refuses its file ends; one that is operational, and still is after this long, has taken it. */
const SETTLED_MS = 700;
/** The line that tells it may be turned off. */
const SILENT_MS = 15_000;
const AT_ONCE = 6;
/** Each file ends by itself: this is for a machine on which programs take as long to start as they may be silent. */
const ALL_MS_MAX = Math.ceil(ODD_FILES.length / AT_ONCE) * 2 * SILENT_MS;

async function takes(program: string, { form, text }: OddFile, index: number): Promise<boolean> {
  const file = join(directory, `odd-${index}.${form === 'json' ? 'json' : 'conf'}`);
  writeFileSync(file, text);
  const child = spawn(program, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'], cwd: directory });
  let settledAt = Date.now() + SILENT_MS;
  child.stderr.on('data', (text: Buffer) => {
    if (text.includes('Operational')) settledAt = Date.now() + SETTLED_MS;
  });
  const ended = once(child, 'exit');
  while (child.exitCode === null && Date.now() < settledAt) await delay(50);
  const taken = child.exitCode === null;
  child.kill('SIGKILL');
  await ended;
  return taken;
}

describe.runIf(originalRouter)('the original', () => {
  it('takes and refuses the same files', { timeout: ALL_MS_MAX }, async () => {
    const different: string[] = [];
    const left = [...ODD_FILES.entries()];
    const worker = async (): Promise<void> => {
      for (let next = left.pop(); next; next = left.pop()) {
        const [index, file] = next;
        const expected = file.takenBy === 'both' || file.takenBy === 'original';
        if ((await takes(originalRouter!, file, index)) !== expected) different.push(`${file.what} (${file.form})`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    expect(different).toEqual([]);
  });
});
