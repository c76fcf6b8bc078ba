/** What may lie where the file of a policy was: it stays in force as it was last good, what is wrong is told, and nothing else is disturbed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDirectories } from '../../site-controller/platform/local/controller.ts';
import { type SitePaths, sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';

const FILE = 'AccessPolicy-strict.yaml';
const STRICT = { rules: [{ action: 'Deny' as const }] };
/** Of all that is said of one file, characters. */
const TOLD_LENGTH_MAX = 4000;

let home: string;
let paths: SitePaths;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'skuprt-policy-files-'));
  paths = sitePaths(home, 'ns');
  await makeDirectories(paths);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const place = () => join(paths.inputResources, FILE);
const policy = (name: string, spec: object = STRICT) => ({
  apiVersion: 'skuprt.io/v1alpha1',
  kind: 'AccessPolicy',
  metadata: { name },
  spec,
});
const drop = (name: string) =>
  writeFileSync(join(paths.inputResources, `AccessPolicy-${name}.yaml`), JSON.stringify(policy(name)));
const text = (content: string | Buffer) => () => writeFileSync(place(), content);
const WHOLE = JSON.stringify(policy('strict'), undefined, 2);

/** How it comes to lie there, and what is said of it. */
const GARBAGE: Record<string, [make: () => void, told: RegExp]> = {
  'half of it': [text(WHOLE.slice(0, WHOLE.length / 2)), /./],
  nothing: [text(''), /holds no resource/],
  'another kind': [text(JSON.stringify({ ...policy('strict'), kind: 'AccesPolicy' })), /kind/],
  'another version': [text(JSON.stringify({ ...policy('strict'), apiVersion: 'skuprt.io/v9' })), /apiVersion|v9/],
  '10 MB': [text(`# ${'x'.repeat(10 * 1024 * 1024)}\n${WHOLE}`), /larger than 4194304 bytes/],
  'octets of a program': [text(Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * 7919) & 0xff))), /./],
  'lists in lists': [text('['.repeat(20_000)), /./],
  'aliases of aliases': [
    text(`a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n${chain(12)}apiVersion: v1\nkind: List\nmetadata: {name: x}\n`),
    /./,
  ],
  'a link to itself': [() => symlinkSync(FILE, place()), /cannot be read: ELOOP/],
  'a folder': [() => mkdirSync(place()), /no regular file/],
  'a pipe': [() => void execFileSync('mkfifo', [place()]), /no regular file/],
  'a device': [() => symlinkSync('/dev/zero', place()), /no regular file/],
};

function chain(length: number): string {
  const tenTimes = (i: number) =>
    `a${i}: &a${i} [${Array(10)
      .fill(`*a${i - 1}`)
      .join(',')}]\n`;
  return Array.from({ length }, (_, i) => tenTimes(i + 1)).join('');
}

describe('where the file of a policy was', () => {
  it.each(Object.entries(GARBAGE))('lies %s', async (_, [make, told]) => {
    const store = new LocalStore(paths);
    drop('strict');
    drop('other');
    await store.admit();
    rmSync(place());
    make();
    // One that knew it before, and one that begins with it.
    for (const reader of [store, new LocalStore(paths)]) {
      const inForce = await reader.admit();
      expect(inForce.get('AccessPolicy/strict')).toMatchObject({ spec: STRICT });
      expect(inForce.has('AccessPolicy/other')).toBe(true);
      const [found, ...more] = await reader.faults();
      expect([found?.file, more]).toEqual([FILE, []]);
      const said = found!.faults.map(({ path, message }) => `${path} ${message}`).join('\n');
      expect(said).toMatch(told);
      expect(said.length).toBeLessThan(TOLD_LENGTH_MAX);
      // What a terminal would take for a command is not said to it.
      expect([...said].filter((letter) => letter < ' ' && !'\n\t'.includes(letter))).toEqual([]);
    }
    drop('later');
    expect((await store.admit()).has('AccessPolicy/later')).toBe(true);
    rmSync(place(), { recursive: true });
    expect((await store.admit()).has('AccessPolicy/strict')).toBe(false);
  });

  it('two files may say different things of one policy: the first by name counts, and the other is told of', async () => {
    const store = new LocalStore(paths);
    drop('strict');
    writeFileSync(
      join(paths.inputResources, 'zz.yaml'),
      JSON.stringify(policy('strict', { rules: [{ action: 'Allow' }] })),
    );
    expect((await store.admit()).get('AccessPolicy/strict')).toMatchObject({ spec: STRICT });
    const [found] = await store.faults();
    expect(found).toMatchObject({ file: 'zz.yaml', faults: [{ message: expect.stringContaining(FILE) }] });
  });
});
