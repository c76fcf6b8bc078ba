/** One process of `skuprt dev`: this very program with another verb. It ends with us, and its end before that is an error. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Context } from '../context.ts';
import { FailedError } from '../errors.ts';

const KILL_AFTER_MS = 10_000;
const LOG_LINES_SHOWN = 5;

export interface ChildOptions {
  /** For people. */
  name: string;
  args: readonly string[];
  logFile: string;
  env?: NodeJS.ProcessEnv;
}

export class Child {
  readonly name: string;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  private readonly process: ChildProcess;
  private readonly logFile: string;
  private isStopping = false;

  constructor(context: Context, { name, args, logFile, env }: ChildOptions) {
    this.name = name;
    this.logFile = logFile;
    const log = openSync(logFile, 'a', 0o600);
    const [command = '', ...leading] = context.self;
    const verbose = context.verbose ? ['--verbose'] : [];
    this.process = spawn(command, [...leading, ...verbose, ...args], {
      // A group of its own: Ctrl-C is for us, who end it in order.
      detached: true,
      stdio: ['pipe', log, log],
      env: { ...context.env, ...env },
    });
    closeSync(log);
    this.process.stdin?.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.process.once('exit', () => resolve());
      this.process.once('error', () => resolve());
    });
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** Waits for its end. @throws FailedError when it did not end well */
  async finish(): Promise<void> {
    await this.ended;
    if (this.process.exitCode !== 0) throw await this.failure();
  }

  /** Rejects when it ends before it is stopped. */
  async watch(): Promise<void> {
    await this.ended;
    if (!this.isStopping) throw await this.failure();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), KILL_AFTER_MS);
    await this.ended;
    clearTimeout(timer);
  }

  private async failure(): Promise<FailedError> {
    const { exitCode, signalCode } = this.process;
    const text = await readFile(this.logFile, 'utf8').catch(() => '');
    const tail = text.trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
    return new FailedError(`${this.name} ended with ${signalCode ?? `code ${exitCode}`}:\n${tail}`, {
      next: `All it said is in ${this.logFile}`,
    });
  }
}
