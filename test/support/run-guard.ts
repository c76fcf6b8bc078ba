/**
 * `node run-guard.ts DIRECTORY`: waits until the test run is gone that holds the other end of its standard input, killed or not; then ends
 * the processes whose temporary directory is that of the run (they have it from the run, as their children have it from them), and
 * removes it. Only where the system tells the environment of a process: on Linux.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Of those that are on their way out when the run is. */
const LEAVE_MS = 1000;
/** Of those that were told to end. */
const TERM_MS = 5000;
const KILL_MS = 10_000;
const POLL_MS = 50;

const [, , directory] = process.argv;
if (!directory) throw new Error('usage: run-guard.ts DIRECTORY');

/** A directory below it belongs to a run in the run. */
function isOfRun(pid: number): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return environment.some((entry) => `${entry}/`.startsWith(`TMPDIR=${directory}/`));
  } catch {
    // Gone by now, or somebody else's.
    return false;
  }
}

function processesOfRun(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && pid !== process.pid && isOfRun(pid));
  } catch {
    return [];
  }
}

/** @returns whether nobody is left */
async function seenOff(withinMs: number, signal?: NodeJS.Signals): Promise<boolean> {
  const told = new Set<number>();
  for (const deadlineMs = performance.now() + withinMs; ; await sleep(POLL_MS)) {
    const left = processesOfRun();
    if (left.length === 0) return true;
    if (performance.now() > deadlineMs) return false;
    for (const pid of left) if (signal !== undefined && !told.has(pid)) end(pid, signal);
    for (const pid of left) told.add(pid);
  }
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone by itself.
  }
}

process.stdin.resume();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
// Closed or broken: gone is gone.
await finished(process.stdin).catch(() => undefined);
const isEmpty = (await seenOff(LEAVE_MS)) || (await seenOff(TERM_MS, 'SIGTERM')) || (await seenOff(KILL_MS, 'SIGKILL'));
if (isEmpty) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
process.exit();
