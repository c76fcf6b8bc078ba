import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Backoff } from '../../lib/backoff.ts';
import { naming, readIfExists, writeFileAtomic } from '../../lib/files.ts';
import { createLogger } from '../../lib/log.ts';
import { SeededRandom } from '../../lib/random.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skuprt-files-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('writeFileAtomic', () => {
  it('says where the disk is full, which the system leaves out, and nothing twice', () => {
    const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(naming('/a/b', full())).toMatchObject({
      message: "ENOSPC: no space left on device, write '/a/b'",
      path: '/a/b',
    });
    const named = Object.assign(full(), { path: '/c' });
    expect(naming('/a/b', named)).toMatchObject({ message: 'ENOSPC: no space left on device, write', path: '/c' });
    expect(naming('/a/b', 'thrown')).toBe('thrown');
  });

  it('makes directories, sets the mode and replaces the content', async () => {
    const path = join(directory, 'a', 'b');
    await writeFileAtomic(path, 'one');
    await writeFileAtomic(path, 'two', { mode: 0o600 });
    expect(await readFile(path, 'utf8')).toBe('two');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('leaves no temporary file behind, also when the place cannot be taken', async () => {
    await expect(writeFileAtomic(directory, 'x')).rejects.toThrow();
    await Promise.all(Array.from({ length: 10 }, (_, index) => writeFileAtomic(join(directory, 'f'), `${index}`)));
    expect(await readdir(directory)).toEqual(['f']);
  });
});

describe('readIfExists', () => {
  it('gives undefined for a missing file and throws for anything else', async () => {
    expect(await readIfExists(join(directory, 'none'))).toBeUndefined();
    await expect(readIfExists(directory)).rejects.toThrow(/EISDIR/);
  });
});

describe('Backoff', () => {
  it('grows to the maximum with jitter below the step and starts again after a success', () => {
    const backoff = new Backoff(new SeededRandom(1), { initialMs: 100, maxMs: 1000 });
    for (const stepMs of [100, 200, 400, 800, 1000, 1000]) {
      const waitMs = backoff.nextMs();
      expect(waitMs).toBeGreaterThanOrEqual(stepMs / 2);
      expect(waitMs).toBeLessThan(stepMs);
    }
    backoff.reset();
    expect(backoff.nextMs()).toBeLessThan(100);
  });
});

describe('createLogger', () => {
  it('writes JSON lines without secrets', () => {
    const lines: string[] = [];
    const log = createLogger({ name: 'test', destination: { write: (line) => void lines.push(line) } });
    const pem = '-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----';
    const err = Object.assign(new Error(`bad ${pem}`), { code: 'ENOENT' });
    log.info({ spec: { code: 'aBc123', url: 'u' }, data: { 'tls.key': 'x' }, note: pem, err }, 'token redeemed');
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'info',
      process: 'test',
      msg: 'token redeemed',
      spec: { code: '[redacted]', url: 'u' },
      data: '[redacted]',
      note: '[redacted]',
      err: { code: 'ENOENT', message: 'bad [redacted]' },
    });
    expect(lines[0]).not.toMatch(/MIG|aBc123/);
  });
});
