/** The file with the address of a console: of several consoles of one site, each leaves those of the others. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AddressFile } from '../../cli/console/address-file.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'skuprt-address-'));
  path = join(folder, 'console', 'local-west.url');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('is there for its user only, and goes with its console', async () => {
  const file = new AddressFile(path);
  await file.write('http://127.0.0.1:1/#token=a');
  expect(readFileSync(path, 'utf8')).toBe('http://127.0.0.1:1/#token=a\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await file.remove();
  expect(() => statSync(path)).toThrow(/ENOENT/);
});

it('stays when it is of another console: one that could not listen has written none', async () => {
  const [first, second, neverListened] = [new AddressFile(path), new AddressFile(path), new AddressFile(path)];
  await first.write('http://127.0.0.1:1/#token=a');
  await neverListened.remove();
  expect(readFileSync(path, 'utf8')).toContain('token=a');
  await second.write('http://127.0.0.1:2/#token=b');
  await first.remove();
  expect(readFileSync(path, 'utf8')).toContain('token=b');
});
