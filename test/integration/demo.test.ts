/** The demo as a newcomer runs it, small; and ended half way. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CLI_ENTRY } from '../support/cli.ts';

let temp: string;

beforeEach(() => {
  temp = mkdtempSync(join(tmpdir(), 'skuprt-demo-test-'));
});

afterEach(() => rmSync(temp, { recursive: true, force: true }));

function startDemo(...args: string[]): ChildProcess {
  return spawn(process.execPath, [CLI_ENTRY, 'demo', ...args], {
    env: { ...process.env, TMPDIR: temp },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The command lines of living processes that name our directory. */
function processesLeft(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8')).join('\0')];
      } catch {
        return [];
      }
    })
    .filter((description) => description.includes(temp));
}

it('carries a checked transfer both ways and leaves no file and no process', async () => {
  const demo = startDemo('--size', '4MiB');
  const [out, [code]] = await Promise.all([text(demo.stdout!), once(demo, 'exit')]);
  expect(out).toContain('All of it works');
  expect(out.match(/sha256 [0-9a-f]{16}… is right/g)).toHaveLength(2);
  expect(code).toBe(0);
  expect(readdirSync(temp)).toEqual([]);
  expect(processesLeft()).toEqual([]);
});

it('removes everything on Ctrl-C while it makes the second site, and ends with exit 130', async () => {
  const demo = startDemo();
  const exit = once(demo, 'exit');
  let out = '';
  demo.stdout!.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (out.includes('init west') && !demo.killed) demo.kill('SIGINT');
  });
  const err = text(demo.stderr!);
  expect(await exit).toEqual([130, null]);
  expect(await err).toContain('removing everything');
  expect(readdirSync(temp)).toEqual([]);
  expect(processesLeft()).toEqual([]);
});
