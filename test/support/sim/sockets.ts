/**
 * A virtual TCP connection: two sockets, octets in order, a window, delays, pieces cut anywhere, FIN, RST, and a network
 * between that can be frozen for a while or for good.
 *
 * What an end is told is what node:net tells: data, end, written, close. A frozen network keeps what is on its way, as
 * retransmission does; an end that gives up meanwhile is noticed by the other only after the thaw.
 */
import { type Random, randomInt } from '../../../lib/random.ts';
import { type LossyPath, LossyStream } from './lossy-stream.ts';
import type { Scheduler } from './scheduler.ts';

export interface SocketOwner {
  data(bytes: Buffer): void;
  /** The peer's FIN, behind all its data. */
  end(): void;
  /** So many octets in all have left the socket's own queue. */
  written(total: number): void;
  /** The last thing told. `broken`: by RST, or by an end that was destroyed; else both directions ended by FIN. */
  close(broken: boolean): void;
}

export interface WireOptions {
  readonly delayMs: readonly [number, number];
  /** Octets on their way or unread, each direction. */
  readonly windowBytes: number;
  /** The longest piece handed over at once. */
  readonly pieceBytesMax: number;
  /** Packets get lost on the way, in place of `delayMs`. */
  readonly lossy?: LossyPath;
}

export class SimConnection {
  readonly sockets: readonly [SimSocket, SimSocket];
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly options: WireOptions;
  private frozen = false;
  private held: (() => void)[] = [];

  constructor(scheduler: Scheduler, random: Random, options: WireOptions) {
    this.scheduler = scheduler;
    this.random = random;
    this.options = options;
    this.sockets = [new SimSocket(this), new SimSocket(this)];
    this.sockets[0].peer = this.sockets[1];
    this.sockets[1].peer = this.sockets[0];
  }

  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    this.frozen = false;
    const { held } = this;
    this.held = [];
    for (const arrive of held) this.carry(arrive);
  }

  /** Neither end asked for it: both find it broken, at different times. */
  break(): void {
    for (const socket of this.sockets) socket.breakAfter(this.delay());
  }

  /** What one end sent arrives at the other, unless the network is frozen then. */
  carryAt(at: number, arrive: () => void): void {
    this.scheduler.at(at, () => this.carry(arrive));
  }

  delay(): number {
    const [least, most] = this.options.delayMs;
    return least + this.random.next() * (most - least);
  }

  pieceBytes(): number {
    return 1 + randomInt(this.random, this.options.pieceBytesMax);
  }

  private carry(arrive: () => void): void {
    if (this.frozen) this.held.push(arrive);
    else arrive();
  }
}

export class SimSocket {
  owner: SocketOwner | undefined;
  peer!: SimSocket;
  private readonly connection: SimConnection;
  private queue: Buffer[] = [];
  queuedBytes = 0;
  private writtenBytes = 0;
  private ending = false;
  private finSent = false;
  /** The connection does not stand yet: what is written waits. */
  private connecting = false;
  /** When the last thing sent arrives: nothing overtakes. */
  private busyUntil = 0;
  private stream: LossyStream | undefined;

  private unread: Buffer[] = [];
  /** Octets that the peer sent and this end has not read. */
  private inFlightBytes = 0;
  private paused = false;
  private finReceived = false;
  private finTold = false;
  closed = false;

  constructor(connection: SimConnection) {
    this.connection = connection;
  }

  write(bytes: Buffer): void {
    if (this.closed || this.ending || bytes.length === 0) return;
    this.queue.push(Buffer.from(bytes));
    this.queuedBytes += bytes.length;
    this.connection.scheduler.after(0, () => this.pump());
  }

  end(): void {
    if (this.closed || this.ending) return;
    this.ending = true;
    this.connection.scheduler.after(0, () => this.pump());
  }

  /** RST: what is queued or unread here is lost, and so is what the peer has not read. */
  reset(): void {
    if (this.closed) return;
    this.closed = true;
    this.drop();
    const { peer } = this;
    this.connection.carryAt(this.connection.scheduler.now + this.connection.delay(), () => peer.broken());
  }

  /** Dialled: the peer is reached when `connected` is called. */
  startConnecting(): void {
    this.connecting = true;
  }

  connected(): void {
    this.connecting = false;
    this.pump();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.connection.scheduler.after(0, () => this.read());
  }

  breakAfter(delayMs: number): void {
    this.connection.scheduler.after(delayMs, () => this.broken());
  }

  private broken(): void {
    if (this.closed) return;
    this.closed = true;
    this.drop();
    this.owner?.close(true);
  }

  private drop(): void {
    this.queue = [];
    this.queuedBytes = 0;
    this.unread = [];
  }

  /** Moves what fits into the network. */
  private pump(): void {
    if (this.closed || this.connecting) return;
    const { connection, peer } = this;
    const before = this.writtenBytes;
    while (this.queuedBytes > 0 && peer.inFlightBytes < connection.options.windowBytes) {
      const room = Math.min(connection.pieceBytes(), connection.options.windowBytes - peer.inFlightBytes);
      const piece = this.takePiece(room);
      peer.inFlightBytes += piece.length;
      this.writtenBytes += piece.length;
      this.sendAtOnce(() => peer.arrived(piece));
    }
    if (this.ending && !this.finSent && this.queuedBytes === 0) {
      this.finSent = true;
      this.sendAtOnce(() => peer.finArrived());
    }
    if (this.writtenBytes > before) this.owner?.written(this.writtenBytes);
    this.checkClosed();
  }

  private takePiece(sizeBytesMax: number): Buffer {
    const first = this.queue[0] as Buffer;
    const piece = first.subarray(0, sizeBytesMax);
    if (piece.length === first.length) this.queue.shift();
    else this.queue[0] = first.subarray(piece.length);
    this.queuedBytes -= piece.length;
    return piece;
  }

  private sendAtOnce(arrive: () => void): void {
    const { connection } = this;
    const { lossy } = connection.options;
    if (lossy !== undefined) {
      this.stream ??= new LossyStream(connection.scheduler, connection.random, lossy);
      this.stream.send(() => connection.carryAt(connection.scheduler.now, arrive));
      return;
    }
    this.busyUntil = Math.max(this.busyUntil, connection.scheduler.now + connection.delay());
    connection.carryAt(this.busyUntil, arrive);
  }

  private arrived(piece: Buffer): void {
    if (this.closed) return;
    this.unread.push(piece);
    this.read();
  }

  private finArrived(): void {
    if (this.closed) return;
    this.finReceived = true;
    this.read();
  }

  private read(): void {
    while (!this.closed && !this.paused && this.unread.length > 0) {
      const piece = this.unread.shift() as Buffer;
      this.inFlightBytes -= piece.length;
      const { peer } = this;
      this.connection.scheduler.after(0, () => peer.pump());
      this.owner?.data(piece);
    }
    if (this.closed || this.paused || !this.finReceived || this.finTold || this.unread.length > 0) return;
    this.finTold = true;
    this.owner?.end();
    this.checkClosed();
  }

  private checkClosed(): void {
    if (this.closed || !this.finSent || !this.finTold) return;
    this.closed = true;
    this.owner?.close(false);
  }
}
