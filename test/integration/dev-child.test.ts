/** The processes of `skuprt dev`: this very program with another verb, and what of our flags they get. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Context } from '../../cli/context.ts';
import { Child } from '../../cli/dev/child.ts';

const directory = mkdtempSync(join(tmpdir(), 'skuprt-child-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What a child finds on its command line. */
async function argsOf(verbose: boolean): Promise<string> {
  const self = [process.execPath, '-e', 'process.stdout.write(process.argv.slice(1).join(" "))', '--'];
  const context = { self, env: process.env, verbose } as unknown as Context;
  const logFile = join(directory, `${verbose}.log`);
  await new Child(context, { name: 'router of a', args: ['router', '--config', 'r.json'], logFile }).finish();
  return readFileSync(logFile, 'utf8');
}

describe('a process of `skuprt dev`', () => {
  it('is as verbose as we are', async () => {
    expect(await argsOf(false)).toBe('router --config r.json');
    expect(await argsOf(true)).toBe('--verbose router --config r.json');
  });
});
