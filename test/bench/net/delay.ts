/**
 * A relay that makes of the link a line of 1 Gbit/s as long as wanted, in a process of its own: what comes in goes on
 * at that rate, so many milliseconds later. What waits before the line is bounded, as in a network; nothing is lost.
 * One timer serves all that is in flight.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { type Listening, listen } from '../../support/tcp.ts';
import { serve } from './rpc.ts';

/** 1 Gbit/s, each direction of each connection. */
const BYTES_PER_MS = 125_000;
/** What may wait before the line: what is sent within this time. */
const QUEUE_MS = 100;

interface InFlight {
  readonly chunk: Buffer;
  readonly dueMs: number;
}

/** One direction of one connection. */
class Line {
  private readonly from: Socket;
  private readonly to: Socket;
  private readonly delayMs: number;
  /** In the order in which they came, so in the order in which they are due; those before `next` have gone. */
  private inFlight: InFlight[] = [];
  private next = 0;
  private inFlightBytes = 0;
  private readonly inFlightBytesMax: number;
  /** When the line has taken all that waits before it. */
  private lineFreeMs = 0;
  private isWaiting = false;
  private hasEnded = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, delayMs: number) {
    this.from = from;
    this.to = to;
    this.delayMs = delayMs;
    this.inFlightBytesMax = (delayMs + QUEUE_MS) * BYTES_PER_MS;
    from.on('data', (chunk: Buffer) => this.take(chunk));
    from.on('end', () => this.end());
    from.on('error', () => to.destroy());
    from.on('close', () => this.close());
  }

  private take(chunk: Buffer): void {
    this.lineFreeMs = Math.max(this.lineFreeMs, performance.now()) + chunk.length / BYTES_PER_MS;
    this.inFlight.push({ chunk, dueMs: this.lineFreeMs + this.delayMs });
    this.inFlightBytes += chunk.length;
    if (this.inFlightBytes > this.inFlightBytesMax) this.from.pause();
    this.arm();
  }

  private arm(): void {
    const first = this.inFlight[this.next];
    if (first === undefined || this.timer !== undefined) return;
    this.timer = setTimeout(() => this.release(), Math.max(1, Math.ceil(first.dueMs - performance.now())));
  }

  private release(): void {
    this.timer = undefined;
    const nowMs = performance.now();
    this.to.cork();
    for (let first = this.inFlight[this.next]; first !== undefined && first.dueMs <= nowMs; ) {
      this.to.write(first.chunk);
      this.inFlightBytes -= first.chunk.length;
      first = this.inFlight[++this.next];
    }
    this.to.uncork();
    if (this.next === this.inFlight.length || this.next >= 1024) {
      this.inFlight = this.inFlight.slice(this.next);
      this.next = 0;
    }
    if (this.hasEnded && this.inFlight.length === 0) this.to.end();
    this.readOn();
    this.arm();
  }

  /** What the receiver does not take yet is in flight too. */
  private readOn(): void {
    if (this.inFlightBytes + this.to.writableLength <= this.inFlightBytesMax) {
      this.from.resume();
    } else if (this.to.writableNeedDrain && !this.isWaiting) {
      this.isWaiting = true;
      this.to.once('drain', () => {
        this.isWaiting = false;
        this.readOn();
      });
    }
  }

  private end(): void {
    this.hasEnded = true;
    if (this.inFlight.length === 0) this.to.end();
  }

  private close(): void {
    if (!this.hasEnded) this.to.destroySoon();
  }
}

export interface DelayHandlers extends Record<string, (argument: never) => unknown> {
  /** Answers the port to dial instead of `targetPort`. */
  open(argument: { targetPort: number; oneWayMs: number }): Promise<number>;
  close(argument: undefined): Promise<void>;
}

let open: Listening[] = [];

const handlers: DelayHandlers = {
  async open({ targetPort, oneWayMs }) {
    const listening = await listen((near) => {
      const far = connectSocket({ host: '127.0.0.1', port: targetPort, noDelay: true, allowHalfOpen: true });
      new Line(near, far, oneWayMs);
      new Line(far, near, oneWayMs);
    });
    open.push(listening);
    return listening.port;
  },
  async close() {
    const closing = open;
    open = [];
    await Promise.all(closing.map((listening) => listening.close()));
  },
};
serve(handlers);
