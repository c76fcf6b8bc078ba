/**
 * Connections of the tests through the network: a server at home, which any place's router may dial, and clients. Each octet is
 * checked, by its position.
 */
import { connect as dial, type Socket } from 'node:net';
import { PatternChecker } from '../../support/pattern.ts';
import { connect, echoServer, type Listening, listen, sendPattern } from '../../support/tcp.ts';

export interface Where {
  readonly host: string;
  readonly port: number;
}

const EVERYWHERE = '0.0.0.0';

/** A server at all addresses of the tests. */
export function serve(onSocket: (socket: Socket) => void): Promise<Listening> {
  return listen(onSocket, 0, EVERYWHERE);
}

/** Gives back what it gets, and a FIN for a FIN. */
export function echoes(): Promise<Listening> {
  return echoServer(0, EVERYWHERE);
}

/** Sends so many octets of the pattern to each client, then FIN. */
export function downloads(byteCount = Number.POSITIVE_INFINITY): Promise<Listening> {
  return serve((socket) => {
    socket.resume();
    void sendPattern(socket, byteCount).then(() => socket.end());
  });
}

export function open({ host, port }: Where): Promise<Socket> {
  return connect(port, host);
}

/** A reader of the pattern that tells how far it is. */
export class Download {
  readonly checker = new PatternChecker();
  readonly socket: Socket;
  /** Resolves with the number of octets at FIN; rejects at a reset and at a wrong octet. */
  readonly done: Promise<number>;
  /** The longest time without an octet. */
  pauseMsMax = 0;
  private heardMs = performance.now();

  constructor(socket: Socket) {
    this.socket = socket;
    this.done = new Promise((resolve, reject) => {
      socket.on('data', (chunk: Buffer) => {
        const now = performance.now();
        this.pauseMsMax = Math.max(this.pauseMsMax, now - this.heardMs);
        this.heardMs = now;
        try {
          this.checker.accept(chunk);
        } catch (error) {
          socket.destroy();
          reject(error);
        }
      });
      socket.on('end', () => {
        socket.end();
        resolve(this.checker.position);
      });
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`closed after ${this.checker.position} octets`)));
    });
    // Whoever waits for it is told; nobody need.
    this.done.catch(() => {});
  }

  get octets(): number {
    return this.checker.position;
  }
}

/** One request and its answer over a connection of their own. @returns what went wrong, undefined when nothing did */
export async function tryOnce(where: Where, withinMs: number): Promise<string | undefined> {
  const socket = dial({ ...where, noDelay: true });
  socket.setTimeout(withinMs, () => socket.destroy(new Error('hangs')));
  try {
    socket.write('ask');
    for await (const chunk of socket) return String(chunk) === 'ask' ? undefined : `wrong answer: ${chunk}`;
    return 'ended without an answer';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  } finally {
    socket.destroy();
  }
}

export interface Attempt {
  readonly startedMs: number;
  readonly tookMs: number;
  readonly failure: string | undefined;
}

/** New connections to an echo server, one after each pause, whatever becomes of those before; times count from `mark`. */
export class Attempts {
  readonly made: Attempt[] = [];
  private readonly open = new Set<Promise<void>>();
  private readonly timer: NodeJS.Timeout;
  private zeroMs = performance.now();

  constructor(where: Where, everyMs: number, withinMs: number) {
    this.timer = setInterval(() => {
      const startedMs = performance.now();
      const one = tryOnce(where, withinMs).then((failure) => {
        const tookMs = Math.round(performance.now() - startedMs);
        this.made.push({ startedMs: Math.round(startedMs - this.zeroMs), tookMs, failure });
        this.open.delete(one);
      });
      this.open.add(one);
    }, everyMs);
  }

  /** What happens now is the zero of all later times; what is done by now is forgotten. */
  mark(): void {
    this.made.length = 0;
    this.zeroMs = performance.now();
  }

  async stop(): Promise<Attempt[]> {
    clearInterval(this.timer);
    await Promise.all(this.open);
    return this.made.sort((a, b) => a.startedMs - b.startedMs);
  }
}

/** In words, a few. */
export function told(attempts: readonly Attempt[]): string[] {
  const some = attempts.slice(0, 5).map(({ startedMs, tookMs, failure }) => {
    return `begun at ${startedMs} ms, after ${tookMs} ms: ${failure ?? 'served'}`;
  });
  return attempts.length > some.length ? [...some, `and ${attempts.length - some.length} more`] : some;
}
