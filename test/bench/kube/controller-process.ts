/** A site-controller as a process of its own, as its container runs it, and what can be seen of it from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { stopChild } from '../../support/child-process.ts';
import { unusedPort } from '../../support/tcp.ts';

const MIB = 1024 * 1024;
const TICKS_PER_SECOND = 100;
/** As in config/manager. */
const NODE_OPTIONS = '--max-semi-space-size=2';

export interface Usage {
  rssMiB: number;
  /** The most so far. */
  peakMiB: number;
  /** User and system time so far. */
  cpuSeconds: number;
}

export class ControllerProcess {
  private readonly child: ChildProcess;
  private readonly port: number;
  private readonly lines: string[] = [];

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.port = port;
    // The last words are of interest when it ends unasked.
    createInterface({ input: child.stderr! }).on('line', (line) => this.lines.push(line) > 50 && this.lines.shift());
    createInterface({ input: child.stdout! }).on('line', (line) => this.lines.push(line) > 50 && this.lines.shift());
  }

  /** `grantPort` is part of what the controller writes. */
  static async start(kubeconfig: string, grantPort: number): Promise<ControllerProcess> {
    const port = await unusedPort();
    const args = [
      ...['cli/main.ts', 'site-controller', '-p', 'kubernetes', '--kubeconfig', kubeconfig, '-n', 'skupper'],
      ...['--name', 'bench', '--router-image', 'registry.example/skuprt:1', '--metrics-port', String(port)],
      ...['--leader-elect', '--enable-grants', '--grant-server-autoconfigure'],
      ...['--grant-server-port', String(grantPort)],
    ];
    const env = { ...process.env, NODE_OPTIONS };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    await once(child, 'spawn');
    return new ControllerProcess(child, port);
  }

  /** @throws with its last words when it has ended */
  async usage(): Promise<Usage> {
    try {
      const [status, stat] = await Promise.all([this.proc('status'), this.proc('stat')]);
      const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
      return { rssMiB: (kib('VmRSS') * 1024) / MIB, peakMiB: (kib('VmHWM') * 1024) / MIB, cpuSeconds };
    } catch (cause) {
      throw new Error(`the controller ended:\n${this.lines.join('\n')}`, { cause });
    }
  }

  /** Sums over a metric's labels; 0 when it is not there. */
  async metric(name: string, isWanted: (labels: string) => boolean = () => true): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/metrics`).catch(() => undefined);
    const text = (await answer?.text()) ?? '';
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => isWanted(line.slice(name.length)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async stop(): Promise<void> {
    await stopChild(this.child);
  }

  private proc(file: string): Promise<string> {
    return readFile(`/proc/${this.child.pid}/${file}`, 'utf8');
  }
}
