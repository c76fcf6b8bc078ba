/**
 * The socket under one AMQP connection. It hands what arrives to the router and, whenever there is room, takes what
 * the router has to send: all of a turn in one vectored write, and never so much that a control frame would wait
 * long behind it.
 */
import type { Socket } from 'node:net';
import type { Driver } from './driver.ts';

/** Octets in the socket's queue above which no more is taken from the router. */
const QUEUED_BYTES_MAX = 256 * 1024;

export class Transport {
  readonly id: number;
  private readonly socket: Socket;
  private readonly driver: Driver;
  private readonly pieces: Buffer[] = [];
  private closing = false;
  private gone = false;

  constructor(id: number, socket: Socket, driver: Driver, onGone: (error: Error | undefined) => void) {
    this.id = id;
    this.socket = socket;
    this.driver = driver;
    let failure: Error | undefined;
    socket.on('data', (bytes: Buffer) => driver.connectionReceived(id, bytes));
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

  /** Ends the transport when all is sent that the router still has. */
  close(): void {
    this.closing = true;
    // A peer that does not take our last frames does not keep the socket.
    setTimeout(() => this.socket.destroy(), CLOSE_TIMEOUT_MS).unref();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private write(roomBytes: number): void {
    const pieces = this.pieces;
    this.driver.router.transmit(this.id, roomBytes, pieces, this.driver.now());
    if (pieces.length === 0) return;
    this.socket.cork();
    for (let i = 0; i < pieces.length; i++) this.socket.write(pieces[i]!);
    this.socket.uncork();
    pieces.length = 0;
  }
}

const CLOSE_TIMEOUT_MS = 2000;
