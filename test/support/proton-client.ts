/** Proton's Python binding as an AMQP client: a program that does one job and tells what happens (`proton-client.py`). */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./proton-client.py', import.meta.url));
const python = process.env.PROTON_PYTHON;

/** A python3 that can import `proton`, or undefined when none is named or it cannot. */
export const protonPython =
  python !== undefined && spawnSync(python, ['-c', 'import proton']).status === 0 ? python : undefined;

export const HOW_TO_HAVE_PROTON = 'set PROTON_PYTHON to a python3 that can import proton (python-qpid-proton)';

export interface ProtonJob {
  readonly do: 'send' | 'abort' | 'receive' | 'reply' | 'request' | 'drain' | 'transact';
  readonly port: number;
  readonly address?: string;
  readonly count?: number;
  readonly size?: number;
  readonly settled?: boolean;
  readonly credit?: number;
  readonly outcome?: string;
}

export type Told = Readonly<Record<string, unknown>>;

/** One job, begun at once. */
export class ProtonClient {
  readonly told: Told[] = [];
  /** Its last word; rejects when the job fails. */
  readonly done: Promise<Told>;
  private readonly child: ChildProcess;
  private readonly waiting: (() => void)[] = [];

  constructor(job: ProtonJob) {
    const { port, ...rest } = job;
    const wanted = JSON.stringify({ ...rest, url: `127.0.0.1:${port}` });
    this.child = spawn(protonPython ?? '', [PROGRAM, wanted], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    let errors = '';
    this.child.stdout!.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const lines = text.split('\n');
      text = lines.pop()!;
      for (const line of lines) this.told.push(JSON.parse(line) as Told);
      for (const resolve of this.waiting.splice(0)) resolve();
    });
    this.child.stderr!.setEncoding('utf8').on('data', (piece: string) => {
      errors += piece;
    });
    this.done = new Promise((resolve, reject) => {
      this.child.on('close', (status) => {
        for (const wake of this.waiting.splice(0)) wake();
        const last = this.told.at(-1);
        const failed = status !== 0 || last === undefined || this.told.some(({ error }) => error !== undefined);
        if (failed) reject(new Error(`${job.do} ended with ${status}: ${JSON.stringify(last)} ${errors}`));
        else resolve(last);
      });
    });
    // Whoever waits for it hears; a test that has failed already does not.
    this.done.catch(() => {});
  }

  /** Its first word: the link is open. */
  async opened(): Promise<void> {
    while (this.told.length === 0) {
      if (this.child.exitCode !== null) await this.done;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}
