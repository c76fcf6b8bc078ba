/** What a test run leaves when it is killed: nothing. And ports that its tests are given: each once. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { hasEnded } from '../support/child-process.ts';
import { eventually } from '../support/eventually.ts';
import { unusedPort } from '../support/tcp.ts';

const SETUP = fileURLToPath(new URL('../support/temporary-directory.ts', import.meta.url));
/** Of a child, and of the child of a child that is told to end and stays. */
const STUBBORN = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.stdout.write(process.pid + '\\n')`;
const CHILD = `
  const { spawn } = await import('node:child_process');
  spawn(process.execPath, ['-e', ${JSON.stringify(STUBBORN)}], { stdio: 'inherit' });
  process.stdout.write(process.pid + '\\n');
  setInterval(() => {}, 1000);`;
const RUN = `
  const { setup } = await import(${JSON.stringify(SETUP)});
  const { spawn } = await import('node:child_process');
  const end = await setup();
  spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(CHILD)}], { stdio: 'inherit', detached: true });
  process.stdout.write(process.env.TMPDIR + '\\n');
  process.on('SIGUSR2', async () => {
    await end();
    process.exit();
  });`;

let run: ChildProcess | undefined;

afterEach(() => void run?.kill('SIGKILL'));

it.runIf(process.platform === 'linux').each(['SIGKILL', 'SIGUSR2'] as const)(
  'ends all processes of a run that %s ends, and removes its files',
  async (signal) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', RUN], { stdio: ['ignore', 'pipe', 'inherit'] });
    run = child;
    const told: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => told.push(line));
    await eventually('all have started', () => told.length === 3);
    const pids = told.map(Number).filter((pid) => !Number.isNaN(pid));
    const [directory] = told.filter((line) => line.startsWith('/'));
    expect(pids.filter(isThere)).toHaveLength(2);
    expect(existsSync(directory!)).toBe(true);
    child.kill(signal);
    await eventually('all have ended', () => pids.every((pid) => !isThere(pid)), 60_000);
    await eventually('its files are gone', () => !existsSync(directory!));
    if (!hasEnded(child)) await once(child, 'exit');
  },
);

it('no port is given twice', async () => {
  const ports: number[] = [];
  for (let count = 0; count < 500; count += 1) ports.push(await unusedPort());
  expect(new Set(ports).size).toBe(ports.length);
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
