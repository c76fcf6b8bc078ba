/** The configuration file of a running router, without the router. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../lib/log.ts';
import { ConfigFile, loadConfig } from '../../router/io/config-file.ts';
import type { ConfigChange } from '../../router/management/diff.ts';
import { eventually } from '../support/eventually.ts';
import { routerConfig, tcpListenerEntity } from '../support/router-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'skuprt-config-file-'));
const UNSET = `\${SKUPRT_TEST_UNSET}`;
let file: ConfigFile | undefined;

afterAll(() => {
  file?.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('the configuration file', () => {
  it('may hold environment variables; one that is not set stays as it is', () => {
    process.env.SKUPRT_TEST_POD = 'pod-1';
    const path = join(directory, 'variables.json');
    writeFileSync(path, routerConfig(`site-\${SKUPRT_TEST_POD}`, [['site', { location: UNSET }]]));
    const { router, entities } = loadConfig(path).config;
    expect(router.id).toBe('site-pod-1');
    expect([...entities.get('site')!.values()]).toMatchObject([{ location: UNSET }]);
    delete process.env.SKUPRT_TEST_POD;
  });

  it('is applied when it changed between its load and the first look', async () => {
    const path = join(directory, 'skrouterd.json');
    writeFileSync(path, routerConfig('a', []));
    const loaded = loadConfig(path);
    writeFileSync(path, routerConfig('a', [tcpListenerEntity('web', 8080)]));
    const applied: ConfigChange[] = [];
    const log = createLogger({ name: 'test', level: 'silent' });
    file = new ConfigFile(path, loaded, { log, apply: (changes) => applied.push(...changes) });
    await eventually('the change is applied', () => applied.length > 0);
    expect(applied).toMatchObject([{ op: 'create', type: 'tcpListener', name: 'listener-web' }]);
  });
});
