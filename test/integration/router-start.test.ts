/** How a router process is started: by the environment as a container, and with the flags of skrouterd. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ourCommand } from '../support/router-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'skuprt-router-start-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Outcome {
  /** Of a router that started, else undefined. */
  readonly router?: string;
  readonly exit: number | null;
  readonly said: string;
}

/** Runs until the router has started or the process has ended, and ends it. */
async function start(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const { QDROUTERD_CONF: _, QDROUTERD_CONF_TYPE: __, ...inherited } = process.env;
  const child = spawn(process.execPath, [ourCommand, 'router', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...inherited, ...env },
  });
  let said = '';
  let isTold = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    // A second signal would end it before it has drained.
    if (isTold || !said.includes('router started')) return;
    isTold = child.kill('SIGTERM');
  });
  await once(child, 'close');
  return { router: /"router":"([^"]*)"[^\n]*router started/.exec(said)?.[1], exit: child.exitCode, said };
}

const file = join(directory, 'skrouterd.conf');
writeFileSync(file, 'router {\n  mode: interior\n  id: from-file\n}\n');

describe('a router', () => {
  test("starts by the variables of Skupper's pods", async () => {
    const config = join(directory, 'skrouterd.json');
    writeFileSync(config, `[["router",{"id":"west-\${HOSTNAME}","mode":"interior"}]]`);
    const env = { QDROUTERD_CONF: config, QDROUTERD_CONF_TYPE: 'json', HOSTNAME: 'pod-7' };
    expect(await start([], env)).toMatchObject({ router: 'west-pod-7', exit: 0 });
  });

  test.each([[['-c', file]], [[`-c${file}`]], [['--config', file, '-I', '/usr/lib/python', '-T']]])(
    'starts with the flags %j of skrouterd',
    async (args) => {
      expect(await start(args)).toMatchObject({ router: 'from-file', exit: 0 });
    },
  );

  test.each([[['-d']], [['-P', '/tmp/x.pid']], [['-U', 'nobody-of-that-name']]])(
    'refuses the flags %j with a reason',
    async (args) => {
      const { router, exit, said } = await start(['-c', file, ...args]);
      expect({ router, exit }).toEqual({ router: undefined, exit: 2 });
      expect(said).toMatch(/foreground|does not change its user/);
    },
  );

  test('says what is missing when nothing names a configuration', async () => {
    const { exit, said } = await start([], { QDROUTERD_CONF: join(directory, 'none.conf') });
    expect(exit).toBe(2);
    expect(said).toContain('QDROUTERD_CONF');
  });
});
