/**
 * One end of a TCP connection whose octets are asked for one after the other: what is not asked for is not read, so a reader that waits
 * stalls its sender.
 */
import type { Socket } from 'node:net';

/** The socket was closed before its end was reached. */
export class ClosedError extends Error {}

const LOSSES: readonly (string | undefined)[] = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'];

/** The connection was lost; nothing that it carried was wrong. */
export function isLoss(error: NodeJS.ErrnoException): boolean {
  return error instanceof ClosedError || LOSSES.includes(error.code);
}

export class SocketEnd {
  protected readonly socket: Socket;
  /** Why it broke. */
  protected broken: Error | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.pause();
    socket.on('error', (error) => {
      this.broken ??= error;
    });
  }

  /** @throws ClosedError, or why it broke */
  async write(bytes: Buffer): Promise<void> {
    if (!this.socket.writable) throw this.broken ?? new ClosedError('closed before all was written');
    if (!this.socket.write(bytes)) await this.until('drain');
  }

  /** What comes next; undefined at the FIN. @throws ClosedError, or why it broke */
  protected async chunk(): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.socket.read() as Buffer | null;
      if (chunk !== null) return chunk;
      if (this.broken !== undefined) throw this.broken;
      if (this.socket.readableEnded) return undefined;
      if (this.socket.destroyed) throw new ClosedError('closed');
      await this.until('readable');
    }
  }

  /** Resolves at the event, or at the end of the connection. */
  protected until(event: string): Promise<void> {
    return new Promise((resolve) => {
      const events = [event, 'end', 'close'];
      const done = (): void => {
        for (const each of events) this.socket.off(each, done);
        resolve();
      };
      for (const each of events) this.socket.on(each, done);
    });
  }
}
