/** A local site with very many resources, such as policies: what is written of all of them takes one look at the files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { makeDirectories } from '../../site-controller/platform/local/controller.ts';
import { type SitePaths, sitePaths } from '../../site-controller/platform/local/paths.ts';
import { ResourceDirectory } from '../../site-controller/platform/local/resource-directory.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';

const COUNT = 200;
const names = Array.from({ length: COUNT }, (_, at) => `web-${at}`);
let home: string;
let paths: SitePaths;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'skuprt-many-'));
  paths = sitePaths(home, 'ns');
  await makeDirectories(paths);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(home, { recursive: true, force: true });
});

/** All are there, in one file of the user. */
async function storeOfMany(): Promise<LocalStore> {
  const made = names.map((name) => ({
    apiVersion: 'skupper.io/v2alpha1',
    kind: 'Listener',
    metadata: { name },
    spec: { routingKey: name, host: '127.0.0.1', port: 8080 },
  }));
  writeFileSync(join(paths.inputResources, 'many.yaml'), made.map((one) => JSON.stringify(one)).join('\n---\n'));
  const store = new LocalStore(paths);
  await store.admit();
  return store;
}

it('says the status of all with one look at the files, and keeps what others say meanwhile', async () => {
  const store = await storeOfMany();
  const looks = vi.spyOn(ResourceDirectory.prototype, 'refresh');
  await store.patchStatuses(
    names.map((name) => ({ key: `Listener/${name}` as const, status: { message: `of ${name}` } })),
  );
  // Of the two directories.
  expect(looks).toHaveBeenCalledTimes(2);
  looks.mockClear();
  await Promise.all([
    store.patchStatus('Listener', 'web-1', { hasMatchingConnector: true }),
    store.patchStatuses(
      names.map((name) => ({ key: `Listener/${name}` as const, status: { message: `anew ${name}` } })),
    ),
  ]);
  const found = await new LocalStore(paths).list('Listener');
  expect(found).toHaveLength(COUNT);
  expect(found.every(({ status, metadata }) => status?.message === `anew ${metadata.name}`)).toBe(true);
  expect(found.find(({ metadata }) => metadata.name === 'web-1')?.status?.hasMatchingConnector).toBe(true);
});

it('leaves the rest of the statuses for later when something else is to be done, and always gets further', async () => {
  const store = await storeOfMany();
  const changes = names.map((name) => ({ key: `Listener/${name}` as const, status: { message: 'said' } }));
  const said = async () => (await store.list('Listener')).filter(({ status }) => status?.message === 'said').length;
  const progress: number[] = [0];
  while (progress.at(-1)! < COUNT) {
    await store.patchStatuses(changes, () => true);
    progress.push(await said());
    expect(progress.at(-1)).toBeGreaterThan(progress.at(-2)!);
  }
  expect(progress.length).toBeGreaterThan(2);
});

it('finds what has changed in files after it wrote others', async () => {
  const store = new LocalStore(paths);
  const file = join(paths.inputResources, 'one.yaml');
  const listener = (port: number) =>
    JSON.stringify({
      apiVersion: 'skupper.io/v2alpha1',
      kind: 'Listener',
      metadata: { name: 'one' },
      spec: { routingKey: 'one', host: '127.0.0.1', port },
    });
  writeFileSync(file, listener(8080));
  await store.admit();
  await store.patchStatus('Listener', 'one', { message: 'seen' });
  writeFileSync(file, listener(18081));
  await store.admit();
  const one = await store.get('Listener', 'one');
  expect([one?.spec.port, one?.metadata.generation, one?.status?.message]).toEqual([18081, 2, 'seen']);
  rmSync(file);
  await store.admit();
  expect(await store.list('Listener')).toEqual([]);
});
