/** A client of an echo service that checks each octet that comes back, for as long as its connection lives. */
import type { Socket } from 'node:net';
import { eventually } from '../support/eventually.ts';
import { PatternChecker, patternAt } from '../support/pattern.ts';
import { connect } from '../support/tcp.ts';

const WRITE_BYTES = 64 * 1024;

export class EchoFlow {
  readonly socket: Socket;
  /** How it ended, if it did. */
  ended: 'fin' | 'reset' | undefined;
  /** What came that was not what was sent. */
  fault: string | undefined;
  private readonly checker = new PatternChecker();
  private sentBytes = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      try {
        this.checker.accept(chunk);
      } catch (error) {
        this.fault ??= (error as Error).message;
      }
    });
    socket.on('end', () => {
      this.ended ??= 'fin';
    });
    socket.on('error', () => {
      this.ended = 'reset';
    });
  }

  /** Tries until one connection has carried something both ways. */
  static async open(port: number, withinMs: number, evidence: () => string): Promise<EchoFlow> {
    const open = async (): Promise<EchoFlow | false> => {
      const socket = await connect(port).catch(() => undefined);
      if (socket === undefined) return false;
      const flow = new EchoFlow(socket);
      flow.send(1);
      const isAnswered = await new Promise<boolean>((resolve) => {
        socket.once('data', () => resolve(true));
        socket.once('close', () => resolve(false));
        socket.once('end', () => resolve(false));
        setTimeout(() => resolve(false), 5000).unref();
      });
      if (!isAnswered) socket.destroy();
      return isAnswered && flow;
    };
    return await eventually(() => `a flow by port ${port}\n${evidence()}`, open, withinMs);
  }

  /** Goes on with the pattern; does not wait for it. */
  send(byteCount: number): void {
    for (let rest = byteCount; rest > 0; ) {
      const piece = patternAt(this.sentBytes, Math.min(rest, WRITE_BYTES));
      this.socket.write(piece);
      this.sentBytes += piece.length;
      rest -= piece.length;
    }
  }

  get isWhole(): boolean {
    return this.checker.position === this.sentBytes;
  }

  /** What it is now, in words. */
  get state(): string {
    return this.fault ?? this.ended ?? (this.isWhole ? 'whole' : `${this.checker.position} of ${this.sentBytes}`);
  }
}
