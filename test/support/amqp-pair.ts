/**
 * Two connection engines back to back: what one transmits the other receives, in pieces of a chosen size, on a clock that the test moves.
 */
import { Connection } from '../../router/amqp/engine/connection.ts';
import type { ConnectionEvent } from '../../router/amqp/engine/events.ts';
import type { ConnectionOptions } from '../../router/amqp/engine/options.ts';

export class Side {
  readonly connection: Connection;
  /** Events not yet looked at. */
  readonly events: ConnectionEvent[] = [];

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Moves the engine's events here; `react` sees each first. */
  drain(react?: (event: ConnectionEvent) => void): void {
    for (let event = this.connection.nextEvent(); event !== undefined; event = this.connection.nextEvent()) {
      this.events.push(event);
      react?.(event);
    }
  }

  /** The first event of a type, removed with everything before it; fails when there is none. */
  take<T extends ConnectionEvent['type']>(type: T): Extract<ConnectionEvent, { type: T }> {
    const at = this.events.findIndex((event) => event.type === type);
    if (at < 0)
      throw new Error(`no '${type}' among ${this.events.map((event) => event.type).join(' ') || 'no events'}`);
    return this.events.splice(0, at + 1).at(-1) as Extract<ConnectionEvent, { type: T }>;
  }

  has(type: ConnectionEvent['type']): boolean {
    return this.events.some((event) => event.type === type);
  }
}

export interface PairOptions {
  readonly initiator?: Partial<ConnectionOptions>;
  readonly acceptor?: Partial<ConnectionOptions>;
  /** Largest piece that arrives at once. */
  readonly chunkSizeBytes?: number;
  readonly budgetBytes?: number;
}

export class Pair {
  readonly a: Side;
  readonly b: Side;
  now = 1_000;
  readonly #chunkSizeBytes: number;
  readonly #budgetBytes: number;

  constructor(options: PairOptions = {}) {
    this.a = new Side(new Connection({ role: 'initiator', containerId: 'a', ...options.initiator }, this.now));
    this.b = new Side(new Connection({ role: 'acceptor', containerId: 'b', ...options.acceptor }, this.now));
    this.#chunkSizeBytes = options.chunkSizeBytes ?? Number.POSITIVE_INFINITY;
    this.#budgetBytes = options.budgetBytes ?? 256 * 1024;
  }

  /** Both open, both have seen the other's open. */
  opened(): this {
    this.a.connection.open();
    this.b.connection.open();
    this.run();
    this.a.take('opened');
    this.b.take('opened');
    return this;
  }

  /** Carries octets both ways until both are quiet. */
  run(): void {
    for (let idle = 0; idle < 2; ) {
      const moved = this.carry(this.a, this.b) + this.carry(this.b, this.a);
      idle = moved === 0 ? idle + 1 : 0;
    }
  }

  /** Carries one budget's worth one way; returns the octets. */
  carry(from: Side, to: Side): number {
    const into: Buffer[] = [];
    const sizeBytes = from.connection.transmit(this.#budgetBytes, into, this.now);
    from.drain();
    const bytes = Buffer.concat(into);
    if (bytes.length !== sizeBytes) throw new Error(`transmit says ${sizeBytes}, pushed ${bytes.length}`);
    for (let pos = 0; pos < bytes.length; pos += this.#chunkSizeBytes) {
      to.connection.receive(bytes.subarray(pos, pos + Math.min(this.#chunkSizeBytes, bytes.length)), this.now);
      to.drain();
    }
    return sizeBytes;
  }
}
