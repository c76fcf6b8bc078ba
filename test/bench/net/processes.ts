/**
 * The child processes of one benchmark run. Every child is remembered until it has ended, and only remembered children
 * are ever killed, by process id.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stopChild } from '../../support/child-process.ts';
import type { Handlers } from './rpc.ts';
import { Remote } from './rpc.ts';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Where standard output and error go. */
  readonly logFile: string;
}

export class Processes {
  private readonly children = new Set<ChildProcess>();
  private readonly systems = new Set<ChildProcess>();

  start({ program, args, logFile }: Command): ChildProcess {
    const log = openSync(logFile, 'a');
    const child = spawn(program, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.systems.add(child);
    child.on('exit', () => this.systems.delete(child));
    return this.remember(child);
  }

  /** A load process of this folder, on the Node that runs the benchmark. */
  load<H extends Handlers>(module: string): Remote<H> {
    const child = fork(fileURLToPath(new URL(module, import.meta.url)), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    return new Remote<H>(this.remember(child));
  }

  /** Ends what was started to be measured; load processes stay. */
  async stopSystems(): Promise<void> {
    await Promise.all([...this.systems].map(stopChild));
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.children].map(stopChild));
  }

  /** The last resort when this process ends without having waited. */
  killAll(): void {
    for (const child of this.children) child.kill('SIGKILL');
  }

  private remember(child: ChildProcess): ChildProcess {
    this.children.add(child);
    child.on('exit', () => this.children.delete(child));
    child.on('error', () => this.children.delete(child));
    return child;
  }
}
