/** The steps of the demo as a person sees them: the command that one would type, then how long it took. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Context } from '../context.ts';
import { FailedError, InterruptedError } from '../errors.ts';
import { AGAIN, REPORT } from './advice.ts';

const COMMAND_WIDTH = 78;

export class Steps {
  private readonly context: Context;
  private readonly dataHome: string;

  constructor(context: Context, dataHome: string) {
    this.context = context;
    this.dataHome = dataHome;
  }

  /** Shows `commandText`, does `work`, shows its time; gives what it gives. */
  async show<T>(commandText: string, work: () => Promise<T>): Promise<T> {
    if (this.context.signal.aborted) throw new InterruptedError('Interrupted', AGAIN);
    const start = performance.now();
    this.write(`$ ${commandText}`.padEnd(COMMAND_WIDTH));
    try {
      const result = await work();
      this.write(`${((performance.now() - start) / 1000).toFixed(2).padStart(6)} s\n`);
      return result;
    } catch (error) {
      this.write('\n');
      throw this.context.signal.aborted ? new InterruptedError('Interrupted', { ...AGAIN, cause: error }) : error;
    }
  }

  /** One command of this same command line, as a step; gives what it printed. */
  async command(...args: readonly string[]): Promise<string> {
    const line = [this.context.program, ...args].map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`));
    return await this.show(line.join(' '), () => this.run(args));
  }

  /** The same without showing it. @throws FailedError with what the command said */
  async run(args: readonly string[]): Promise<string> {
    const [command, ...leading] = this.context.self;
    const child = spawn(command!, [...leading, ...args], {
      // Its own process group: Ctrl-C reaches only the demo, which then ends things in order.
      detached: true,
      env: { ...this.context.env, XDG_DATA_HOME: this.dataHome, SKUPRT_PLATFORM: 'local' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const interrupt = () => child.kill('SIGINT');
    if (!this.isCleaningUp) this.context.signal.addEventListener('abort', interrupt);
    try {
      const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
      const [out, err, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
      if (code === 0) return out;
      const said = err.trim() === '' ? `exit ${code ?? signal}` : err.trim();
      throw new FailedError(`${this.context.program} ${args.join(' ')} failed:\n${said}`, REPORT);
    } finally {
      this.context.signal.removeEventListener('abort', interrupt);
    }
  }

  /** From now on Ctrl-C no longer ends commands. */
  beginCleanup(): void {
    this.isCleaningUp = true;
  }

  indented(block: string): void {
    this.write(
      block
        .trimEnd()
        .replace(/^(?=.)/gm, '    ')
        .concat('\n'),
    );
  }

  write(line: string): void {
    this.context.stdout.write(line);
  }

  private isCleaningUp = false;
}
