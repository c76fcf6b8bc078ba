/**
 * Keeps the site's router process running: starts it, starts it again when it ends, stops it with the controller.
 *
 * The router never outlives the controller: its standard input is a pipe from here and it ends when that closes, even after
 * kill -9. What a controller of before left behind all the same is found by its pid file and ended first.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../../../lib/backoff.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Random } from '../../../lib/random.ts';
import { CappedLog } from './capped-log.ts';
import { identify, isAlive, type ProcessIdentity, readPidFile, writePidFile } from './process-identity.ts';

const BACKOFF = { initialMs: 100, maxMs: 5000 };
/** A router that ran this long was healthy: the back-off starts again. */
const HEALTHY_MS = 10_000;
const KILL_AFTER_MS = 10_000;
const ORPHAN_KILL_AFTER_MS = 2000;

export interface RouterProcessParts {
  /** The program and its arguments. */
  command: readonly string[];
  /** Beside that of this process; asked for at each start. */
  environment?: () => Promise<Readonly<Record<string, string>>>;
  pidFile: string;
  logFile: string;
  random: Random;
  log: Logger;
}

export class RouterProcess {
  private readonly parts: RouterProcessParts;
  private child: ChildProcess | undefined;
  private startCount = 0;

  constructor(parts: RouterProcessParts) {
    this.parts = parts;
  }

  /** How often it was started. */
  get starts(): number {
    return this.startCount;
  }

  /** Keeps it running until `signal` aborts, then stops it; resolves when it has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.parts.random, BACKOFF);
    const output = new CappedLog(this.parts.logFile);
    try {
      while (!signal.aborted) {
        const startedAt = performance.now();
        const ending = await this.runOnce(output, signal);
        if (signal.aborted) break;
        this.parts.log.warn({ ...ending, starts: this.startCount }, 'router ended');
        if (performance.now() - startedAt >= HEALTHY_MS) backoff.reset();
        await sleep(backoff.nextMs(), undefined, { signal }).catch(() => undefined);
      }
    } finally {
      await rm(this.parts.pidFile, { force: true });
      output.close();
    }
  }

  /** Asks the router to read its configuration now; it would find the change by itself a little later. */
  reload(): void {
    this.child?.kill('SIGHUP');
  }

  /** Ends the router that a killed controller left behind, if it did not end by itself. */
  async endOrphan(): Promise<void> {
    const orphan = await readPidFile(this.parts.pidFile);
    if (orphan === undefined || !(await isAlive(orphan))) return;
    this.parts.log.warn({ pid: orphan.pid }, 'ending the router of an earlier controller');
    await signalProcess(orphan, 'SIGTERM');
    const deadline = performance.now() + ORPHAN_KILL_AFTER_MS;
    while (await isAlive(orphan)) {
      if (performance.now() >= deadline) await signalProcess(orphan, 'SIGKILL');
      await sleep(20);
    }
  }

  private async runOnce(output: CappedLog, signal: AbortSignal): Promise<object> {
    const [program, ...args] = this.parts.command;
    // Detached, so that a terminal's Ctrl-C reaches the controller only, which then stops the router last.
    const env = { ...process.env, ...(await this.parts.environment?.()) };
    const child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env });
    const ended = new Promise<object>((resolve) => {
      child.once('error', (err) => resolve({ err }));
      child.once('close', (exitCode, exitSignal) => resolve({ exitCode, exitSignal }));
    });
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (chunk: Buffer) => output.write(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.write(chunk));
    this.child = child;
    this.startCount += 1;
    if (child.pid !== undefined) await this.note(child.pid);
    const stopping = new AbortController();
    const stop = () => void terminate(child, ended, stopping.signal);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const ending = await ended;
    signal.removeEventListener('abort', stop);
    stopping.abort();
    this.child = undefined;
    return ending;
  }

  private async note(pid: number): Promise<void> {
    try {
      const identity = await identify(pid);
      if (identity !== undefined) await writePidFile(this.parts.pidFile, identity);
    } catch (err) {
      this.parts.log.warn({ err }, 'router pid file not written');
    }
  }
}

async function terminate(child: ChildProcess, ended: Promise<object>, signal: AbortSignal): Promise<void> {
  child.kill('SIGTERM');
  child.stdin?.end();
  await Promise.race([ended, sleep(KILL_AFTER_MS, undefined, { signal }).catch(() => undefined)]);
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
}

async function signalProcess(identity: ProcessIdentity, name: NodeJS.Signals): Promise<void> {
  if (!(await isAlive(identity))) return;
  try {
    process.kill(identity.pid, name);
  } catch {
    // It ended in between.
  }
}
