/** `skuprt dev` as a user starts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { CLI_ENTRY } from '../cli.ts';
import { eventually } from '../eventually.ts';

const START_MS = 240_000;

export class DevProcess {
  readonly out: string[] = [];
  readonly err: string[] = [];
  readonly child: ChildProcess;

  constructor(kubeconfig: string, flags: readonly string[], variables: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, ...variables };
    this.child = spawn(process.execPath, [CLI_ENTRY, 'dev', '--kubeconfig', kubeconfig, ...flags], { env });
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.out.push(line));
    createInterface({ input: this.child.stderr! }).on('line', (line) => this.err.push(line));
  }

  /** @throws when it ended, or took too long */
  async ready(contexts: readonly string[]): Promise<void> {
    const what = () => `ready: ${[...this.out, ...this.err].join('\n')}`;
    const isReady = () => contexts.every((name) => this.out.includes(`ready ${name}`));
    await eventually(what, () => this.child.exitCode !== null || isReady(), START_MS);
    if (this.child.exitCode === null) return;
    const said = this.err.filter((line) => !line.startsWith('Waiting for'));
    throw new Error(`skuprt dev ended: ${said.join('\n')}`);
  }

  /** The process of that role, of the cluster with that context when several have one. */
  pidOf(role: string, context?: string): number {
    const children = readFileSync(`/proc/${this.child.pid}/task/${this.child.pid}/children`, 'utf8').trim().split(' ');
    const isMeant = (pid: string) => {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return args[2] === role && (context === undefined || args[args.indexOf('--context') + 1] === context);
    };
    return Number(children.find(isMeant));
  }

  async exit(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }
}
