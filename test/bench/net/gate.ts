/** A relay in the middle of a link that notes when the link's first connection came. */
import { connect as connectSocket } from 'node:net';
import { type Listening, listen } from '../../support/tcp.ts';

export class Gate {
  /** When the first connection was accepted, on `performance.now()`. */
  openedMs: number | undefined;
  private listening: Listening | undefined;

  static async open(targetPort: number): Promise<Gate> {
    const gate = new Gate();
    gate.listening = await listen((socket) => {
      gate.openedMs ??= performance.now();
      const onward = connectSocket({ host: '127.0.0.1', port: targetPort, noDelay: true });
      onward.on('error', () => socket.destroy());
      onward.on('close', () => socket.destroy());
      socket.on('close', () => onward.destroy());
      socket.pipe(onward).pipe(socket);
    });
    return gate;
  }

  get port(): number {
    return this.listening?.port ?? 0;
  }

  async close(): Promise<void> {
    await this.listening?.close();
  }
}
