/** A program that is spoken to by lines: each thing said is answered by what it writes up to a mark of ours. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const PATIENCE_MS = 60_000;

export class Dialogue {
  private readonly child: ChildProcess;
  private written = '';
  private errors = '';
  private next = 0;

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.written += text;
      this.child.emit('said');
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    // Its end is told by `exit`.
    this.child.stdin!.on('error', () => {});
  }

  /**
   * @param markLine makes what has the program write the mark on a line of its own
   * @returns what it wrote before, trimmed
   */
  async say(text: string, markLine: (mark: string) => string): Promise<string> {
    const mark = `mark-${this.next++}-`;
    this.child.stdin!.write(`${text}\n${markLine(mark)}\n`);
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const at = this.written.indexOf(mark);
      if (at >= 0) {
        const answer = this.written.slice(0, at).trim();
        this.written = this.written.slice(at + mark.length).trimStart();
        return answer;
      }
      const leftMs = deadlineMs - performance.now();
      if (this.child.exitCode !== null || leftMs <= 0) {
        throw new Error(`no answer to '${text}' (exit ${this.child.exitCode}): ${this.written}${this.errors}`);
      }
      const signal = AbortSignal.timeout(Math.ceil(leftMs));
      await Promise.race([once(this.child, 'said', { signal }), once(this.child, 'exit', { signal })]).catch(() => {});
    }
  }

  /** Ends its input. @returns its exit status */
  async end(): Promise<number | null> {
    const exited = this.child.exitCode === null ? once(this.child, 'exit') : undefined;
    this.child.stdin!.end();
    await exited;
    return this.child.exitCode;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}
