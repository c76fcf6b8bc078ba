/**
 * A TCP relay in front of a port of 127.0.0.1 that can be cut (what passes is destroyed and new connections are refused until it is
 * mended) and frozen (nothing passes until it thaws).
 */
import { connect, type Socket } from 'node:net';
import { type Listening, listen } from './tcp.ts';

export class Relay {
  private readonly sockets = new Set<Socket>();
  private listening: Listening | undefined;
  private readonly joined = new Map<Socket, Socket>();
  private isCut = false;
  private isFrozen = false;

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

  /** Nothing passes any more, and neither end is told. */
  freeze(): void {
    this.isFrozen = true;
    for (const [each, other] of this.joined) {
      each.unpipe(other);
      each.pause();
    }
  }

  thaw(): void {
    this.isFrozen = false;
    for (const [each, other] of this.joined) each.pipe(other);
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
      this.joined.set(each, other);
      if (!this.isFrozen) each.pipe(other);
      each.on('error', () => {});
      each.on('close', () => {
        this.sockets.delete(each);
        this.joined.delete(each);
        other.destroy();
      });
    }
  }
}
