/** A relay in the middle of a link that notes when the link's first connection came. */
import { connect as connectSocket, type Socket } from 'node:net';
import { type Listening, listen } from '../../support/tcp.ts';

export class Gate {
  /** When the first connection was accepted, on `performance.now()`. */
  openedMs: number | undefined;
  private listening: Listening | undefined;

  static async open(targetPort: number): Promise<Gate> {
    const gate = new Gate();
    gate.listening = await listen((near) => {
      gate.openedMs ??= performance.now();
      const far = connectSocket({ host: '127.0.0.1', port: targetPort, noDelay: true });
      pass(near, far);
      pass(far, near);
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

function pass(from: Socket, to: Socket): void {
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroySoon());
  from.pipe(to);
}
