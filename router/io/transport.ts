/**
 * The socket under one AMQP connection. It hands what arrives to the router and, whenever there is room, takes what
 * the router has to send: all of a turn in one write, and never so much that a control frame would wait
 * long behind it.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Driver } from './driver.ts';
import type { ConnectionTrace } from './protocol-trace.ts';
import { join, SLAB_BYTES } from './slab-pool.ts';

/** Octets in the socket's queue above which no more is taken from the router. */
const QUEUED_BYTES_MAX = SLAB_BYTES - 16 * 1024;

export class Transport {
  readonly id: number;
  private readonly socket: Duplex;
  private readonly driver: Driver;
  /** Each write has a cost of its own: a TLS record, a WebSocket message. */
  private readonly joins: boolean;
  private readonly pieces: Buffer[] = [];
  /** Slabs that the socket still reads from, oldest first. */
  private readonly inFlight: Buffer[] = [];
  private closing = false;
  private gone = false;
  /** Shows what comes and goes, while that is asked for. */
  trace: ConnectionTrace | undefined;
  /** The link is up. */
  onUp: (() => void) | undefined;

  constructor(id: number, socket: Duplex, driver: Driver, onGone: (error: Error | undefined) => void) {
    this.id = id;
    this.socket = socket;
    this.joins = 'encrypted' in socket || !(socket instanceof Socket);
    this.driver = driver;
    this.trace = driver.protocolTrace?.made(id);
    let failure: Error | undefined;
    socket.on('data', (bytes: Buffer) => {
      this.trace?.received(bytes);
      driver.connectionReceived(id, bytes);
    });
    // A proxy's answer was read from it, and it was stopped then.
    socket.resume();
    socket.on('drain', () => driver.schedule());
    socket.on('error', (error) => {
      failure = error;
    });
    // The other end has nothing more to say: an AMQP connection does not go on half open.
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      this.gone = true;
      driver.connectionGone(id);
      onGone(failure);
    });
  }

  /** Sends what the router has, as far as there is room. */
  flush(): void {
    if (this.gone) return;
    const roomBytes = QUEUED_BYTES_MAX - this.socket.writableLength;
    if (roomBytes > 0 && this.driver.router.wantsTransmit(this.id)) this.write(roomBytes);
    if (this.closing && !this.driver.router.wantsTransmit(this.id)) this.socket.end();
  }

  /** Ends the transport when all is sent that the router still has. @param vanished nobody is expected to read it */
  close(vanished: boolean): void {
    this.closing = true;
    // A peer that does not take our last frames does not keep the socket.
    setTimeout(() => this.socket.destroy(), vanished ? VANISHED_TIMEOUT_MS : CLOSE_TIMEOUT_MS).unref();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private write(roomBytes: number): void {
    const pieces = this.pieces;
    const sizeBytes = this.driver.router.transmit(this.id, roomBytes, pieces, this.driver.now());
    if (pieces.length === 0) return;
    if (this.trace !== undefined) for (const piece of pieces) this.trace.sent(piece);
    if (this.joins) this.writeJoined(sizeBytes);
    else this.writeVectored();
    pieces.length = 0;
  }

  private writeVectored(): void {
    this.socket.cork();
    for (let i = 0; i < this.pieces.length; i++) this.socket.write(this.pieces[i]!);
    this.socket.uncork();
  }

  private writeJoined(sizeBytes: number): void {
    const slab = join(this.pieces, sizeBytes, this.driver.slabs);
    this.inFlight.push(slab);
    this.socket.write(slab.subarray(0, sizeBytes), this.onWritten);
  }

  private readonly onWritten = (): void => {
    const slab = this.inFlight.shift();
    if (slab) this.driver.slabs.give(slab);
  };
}

const CLOSE_TIMEOUT_MS = 2000;
const VANISHED_TIMEOUT_MS = 100;
