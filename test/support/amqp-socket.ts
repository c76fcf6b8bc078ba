/**
 * Drives an engine over a real stream the way io/ does: bytes in, events to a handler, bytes out while the socket takes them.
 */
import type { Duplex } from 'node:stream';
import type { Connection } from '../../router/amqp/engine/connection.ts';
import type { ConnectionEvent } from '../../router/amqp/engine/events.ts';

/** Far more often than any idle time-out of these tests asks for. */
const TICK_MS = 1000;

export class SocketDriver {
  readonly connection: Connection;
  readonly #stream: Duplex;
  readonly #onEvent: (event: ConnectionEvent) => void;
  #flushing = false;

  constructor(stream: Duplex, connection: Connection, onEvent: (event: ConnectionEvent) => void) {
    this.connection = connection;
    this.#stream = stream;
    this.#onEvent = onEvent;
    stream.on('data', (bytes: Buffer) => {
      connection.receive(bytes, performance.now());
      this.flush();
    });
    // Who only takes says nothing for long, and would be given up.
    const ticking = setInterval(() => {
      connection.tick(performance.now());
      this.flush();
    }, TICK_MS).unref();
    stream.on('close', () => {
      clearInterval(ticking);
      connection.peerGone();
      this.flush();
    });
    stream.on('error', () => stream.destroy());
  }

  /** Call after each use of the engine from outside of an event. */
  flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    let more = true;
    while (more) {
      for (let event = this.connection.nextEvent(); event !== undefined; event = this.connection.nextEvent()) {
        this.#onEvent(event);
      }
      const into: Buffer[] = [];
      more = this.connection.transmit(256 * 1024, into, performance.now()) > 0;
      if (!this.#stream.destroyed) for (const bytes of into) this.#stream.write(bytes);
    }
    this.#flushing = false;
    if (this.connection.state === 'closed') this.#stream.end();
  }
}
