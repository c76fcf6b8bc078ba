/** A TCP relay in front of a port of 127.0.0.1 that can be cut: what passes is destroyed and new connections are refused until it is mended. */
import { connect, type Socket } from 'node:net';
import { type Listening, listen } from './tcp.ts';

export class Relay {
  private readonly sockets = new Set<Socket>();
  private listening: Listening | undefined;
  private isCut = false;

  static async to(targetPort: number): Promise<Relay> {
    const relay = new Relay();
    relay.listening = await listen((socket) => relay.join(socket, targetPort));
    return relay;
  }

  get port(): number {
    return this.listening?.port ?? 0;
  }

  /** Ends all connections at once, without a word to either end. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  mend(): void {
    this.isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    await this.listening?.close();
  }

  private join(socket: Socket, targetPort: number): void {
    if (this.isCut) {
      socket.destroy();
      return;
    }
    const target = connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
    for (const [each, other] of [
      [socket, target],
      [target, socket],
    ] as const) {
      this.sockets.add(each);
      each.pipe(other);
      each.on('error', () => {});
      each.on('close', () => {
        this.sockets.delete(each);
        other.destroy();
      });
    }
  }
}
