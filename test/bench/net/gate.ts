/**
 * A relay in the middle of a link: it notes when the link's first connection came, and makes the link as long as wanted.
 * Bytes in flight are bounded, as they are on a line.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { type Listening, listen } from '../../support/tcp.ts';

/** Ten times what 1 Gbit/s has in flight within 100 ms, one direction of one connection. */
const IN_FLIGHT_BYTES_MAX = 128 * 1024 * 1024;

export class Gate {
  /** When the first connection was accepted, on `performance.now()`. */
  openedMs: number | undefined;
  private listening: Listening | undefined;

  static async open(targetPort: number, oneWayDelayMs = 0): Promise<Gate> {
    const gate = new Gate();
    gate.listening = await listen((near) => {
      gate.openedMs ??= performance.now();
      const far = connectSocket({ host: '127.0.0.1', port: targetPort, noDelay: true });
      pass(near, far, oneWayDelayMs);
      pass(far, near, oneWayDelayMs);
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

function pass(from: Socket, to: Socket, delayMs: number): void {
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroySoon());
  if (delayMs === 0) {
    from.pipe(to);
    return;
  }
  let inFlightBytes = 0;
  from.on('data', (chunk: Buffer) => {
    inFlightBytes += chunk.length;
    if (inFlightBytes > IN_FLIGHT_BYTES_MAX) from.pause();
    // Timers of one length fire in the order in which they were set.
    setTimeout(() => {
      to.write(chunk, () => {
        inFlightBytes -= chunk.length;
        from.resume();
      });
    }, delayMs);
  });
}
