/**
 * Calls between the benchmark and its load processes over Node's IPC channel: one request, one answer, in order of
 * completion. A load process is `serve({ method: async (args) => result })` and ends with its parent.
 */
import type { ChildProcess } from 'node:child_process';

export type Handlers = Record<string, (argument: never) => unknown>;

interface Request {
  id: number;
  method: string;
  argument: unknown;
}

interface Answer {
  id: number;
  result?: unknown;
  error?: string;
}

/** Runs in the load process. */
export function serve(handlers: Handlers): void {
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches the whole process group; the parent decides when its load ends.
  process.on('SIGINT', () => undefined);
  process.on('message', async ({ id, method, argument }: Request) => {
    const answer: Answer = { id };
    try {
      answer.result = await handlers[method]?.(argument as never);
    } catch (error) {
      answer.error = String(error);
    }
    process.send?.(answer);
  });
}

/** The parent's end of one load process. */
export class Remote<H extends Handlers> {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private nextId = 0;

  constructor(child: ChildProcess) {
    this.child = child;
    child.on('message', (answer: Answer) => this.settle(answer));
    child.on('exit', () => {
      for (const id of this.waiting.keys()) this.settle({ id, error: 'the load process ended' });
    });
  }

  call<M extends keyof H & string>(method: M, argument: Parameters<H[M]>[0]): Promise<Awaited<ReturnType<H[M]>>> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result as Awaited<ReturnType<H[M]>>);
        else reject(new Error(`${method}: ${error}`));
      });
      const request: Request = { id, method, argument };
      this.child.send(request);
    });
  }

  private settle(answer: Answer): void {
    const settle = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    settle?.(answer);
  }
}
