/** A dump's archive, read by the tar of this machine: nothing lost, nothing it complains of, whatever the sizes. */
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { packArchive } from '../../cli/commands/debug/archive.ts';

const BLOCK = 512;
/** What tar reads at once: an archive that fills records exactly is the one whose end is easily forgotten. */
const RECORD_BLOCKS = 20;

describe('the archive of a dump', () => {
  it.each(Array.from({ length: RECORD_BLOCKS + 1 }, (_, blocks) => blocks))(
    'ends as tar expects after %i blocks of data',
    async (blocks) => {
      const archive = await packArchive('dump', [{ name: 'log', data: 'x'.repeat(blocks * BLOCK) }]);
      const { status, stderr, stdout } = spawnSync('tar', ['-xzOf', '-'], { input: archive });
      expect({ status, said: String(stderr), length: stdout.length }).toEqual({
        status: 0,
        said: '',
        length: blocks * BLOCK,
      });
    },
  );

  it('keeps long names, names beyond ASCII, and text beyond ASCII', async () => {
    const pod = 'a'.repeat(250);
    const entries = [
      { name: `sites/${'n'.repeat(63)}/logs/${pod}-1.log`, data: 'one' },
      { name: `sites/${'n'.repeat(63)}/logs/${pod}-2.log`, data: 'two' },
      { name: 'Gerät.txt', data: 'naïve – 雪' },
    ];
    const archive = await packArchive('dump', entries);
    const env = { ...process.env, LC_ALL: 'C.UTF-8' };
    const names = execFileSync('tar', ['-tzf', '-'], { input: archive, encoding: 'utf8', env });
    expect(names.trim().split('\n')).toEqual(entries.map(({ name }) => `dump/${name}`));
    expect(execFileSync('tar', ['-xzOf', '-'], { input: archive, encoding: 'utf8' })).toBe('onetwonaïve – 雪');
  });
});
