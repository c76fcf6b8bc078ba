/**
 * Virtual applications at the two ends of a flow. Each sends octets that depend on flow and position, and checks what it gets:
 * a lost, doubled or foreign octet throws at once, an early FIN shows in `fault`.
 */
import { patternAt } from '../pattern.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimSocket, SocketOwner } from './sockets.ts';

export interface FlowPlan {
  readonly id: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** The server answers at once, or when the request has ended. */
  readonly answers: 'at once' | 'after the request';
  /** Breaks off when it has received so many octets. */
  readonly clientResetsAt?: number;
  readonly serverResetsAt?: number;
  /** The reader stops for a while each 64 KiB. */
  readonly clientPauseMs: number;
  readonly serverPauseMs: number;
  /** Neither application ever ends its direction: what was sent is all, and the connection stands. */
  readonly staysOpen?: boolean;
}

const ID_BYTES = 4;
const QUEUED_BYTES_MAX = 64 * 1024;
const PAUSE_EACH_BYTES = 64 * 1024;

abstract class App implements SocketOwner {
  sentBytes = 0;
  receivedBytes = 0;
  /** Its FIN is sent: all it had to say is in `sentBytes`. */
  ended = false;
  endReceived = false;
  isBroken = false;
  isClosed = false;
  protected readonly socket: SimSocket;
  protected readonly scheduler: Scheduler;

  constructor(socket: SimSocket, scheduler: Scheduler) {
    this.socket = socket;
    this.scheduler = scheduler;
    socket.owner = this;
  }

  abstract data(bytes: Buffer): void;

  end(): void {
    this.endReceived = true;
  }

  written(): void {
    this.send();
  }

  close(broken: boolean): void {
    this.isClosed = true;
    this.isBroken = broken;
  }

  /** Keeps the socket's queue filled, then ends. */
  protected abstract send(): void;

  protected sendPattern(offset: number, totalBytes: number, staysOpen = false): void {
    while (this.sentBytes < totalBytes && this.socket.queuedBytes < QUEUED_BYTES_MAX && !this.isClosed) {
      const piece = patternAt(offset + this.sentBytes, Math.min(totalBytes - this.sentBytes, QUEUED_BYTES_MAX));
      this.sentBytes += piece.length;
      this.socket.write(piece);
    }
    if (this.sentBytes < totalBytes || this.ended || this.isClosed || staysOpen) return;
    this.ended = true;
    this.socket.end();
  }

  protected check(bytes: Buffer, offset: number, who: string): void {
    const expected = patternAt(offset + this.receivedBytes, bytes.length);
    if (!expected.equals(bytes)) throw new Error(`${who}: wrong octets at ${this.receivedBytes}`);
  }

  protected count(bytes: number, pauseMs: number): void {
    const before = this.receivedBytes;
    this.receivedBytes += bytes;
    if (pauseMs === 0 || Math.floor(before / PAUSE_EACH_BYTES) === Math.floor(this.receivedBytes / PAUSE_EACH_BYTES))
      return;
    this.socket.pause();
    if (pauseMs !== Number.POSITIVE_INFINITY) this.scheduler.after(pauseMs, () => this.socket.resume());
  }

  protected breakOff(): void {
    this.isClosed = true;
    this.isBroken = true;
    this.socket.reset();
  }
}

export class ClientApp extends App {
  readonly plan: FlowPlan;
  /** More than one only when a link was lost before anything of the request had passed it; at most one is not broken off. */
  readonly servers: ServerApp[] = [];

  constructor(plan: FlowPlan, socket: SimSocket, scheduler: Scheduler) {
    super(socket, scheduler);
    this.plan = plan;
    const id = Buffer.alloc(ID_BYTES);
    id.writeUInt32BE(plan.id);
    socket.write(id);
    this.send();
  }

  override data(bytes: Buffer): void {
    this.check(bytes, responseOffset(this.plan), `client of flow ${this.plan.id}`);
    this.count(bytes.length, this.plan.clientPauseMs);
    if (this.receivedBytes >= (this.plan.clientResetsAt ?? Infinity)) this.breakOff();
  }

  protected override send(): void {
    this.sendPattern(requestOffset(this.plan), this.plan.requestBytes, this.plan.staysOpen);
  }

  /** Its process ends, whatever is under way. */
  leave(): void {
    if (!this.isClosed) this.breakOff();
  }

  /** It reads no more, or again; of one whose plan has no pauses. */
  reads(on: boolean): void {
    if (on) this.socket.resume();
    else this.socket.pause();
  }

  /** What is wrong between the ends, as far as it can be told at any time. */
  get fault(): string | undefined {
    const { servers } = this;
    const flow = `flow ${this.plan.id}`;
    if (this.endReceived && !servers.some((server) => server.ended && server.sentBytes === this.receivedBytes)) {
      return `${flow}: the client got FIN after ${this.receivedBytes} octets, the server sent ${servers.map(sentBy)}`;
    }
    for (const server of servers) {
      if (server.endReceived && !(this.ended && server.receivedBytes === this.sentBytes)) {
        return `${flow}: the server got FIN after ${server.receivedBytes} octets, the client sent ${sentBy(this)}`;
      }
    }
    const intact = servers.filter((server) => server.isClosed && !server.isBroken).length;
    if (intact > 1) return `${flow}: ${intact} servers took it whole`;
    return undefined;
  }

  /** All ends are over, one way or the other. */
  get isOver(): boolean {
    return this.isClosed && this.servers.every((server) => server.isClosed);
  }

  get isComplete(): boolean {
    return this.isClosed && !this.isBroken && this.servers.some((server) => server.isClosed && !server.isBroken);
  }
}

function sentBy(app: App): string {
  return `${app.sentBytes}${app.ended ? ' and FIN' : ''}`;
}

export class ServerApp extends App {
  private readonly plans: ReadonlyMap<number, ClientApp>;
  private client: ClientApp | undefined;
  private head = Buffer.alloc(0);

  constructor(plans: ReadonlyMap<number, ClientApp>, socket: SimSocket, scheduler: Scheduler) {
    super(socket, scheduler);
    this.plans = plans;
  }

  override data(bytes: Buffer): void {
    let rest = bytes;
    if (this.client === undefined) {
      this.head = Buffer.concat([this.head, bytes]);
      if (this.head.length < ID_BYTES) return;
      this.meet(this.head.readUInt32BE());
      rest = this.head.subarray(ID_BYTES);
    }
    const plan = this.client?.plan as FlowPlan;
    for (let at = 0; at < rest.length; ) {
      const piece = rest.subarray(at, at + PAUSE_EACH_BYTES);
      this.check(piece, requestOffset(plan), `server of flow ${plan.id}`);
      this.count(piece.length, plan.serverPauseMs);
      at += piece.length;
    }
    if (this.receivedBytes >= (plan.serverResetsAt ?? Infinity)) this.breakOff();
    else this.send();
  }

  override end(): void {
    super.end();
    if (this.client === undefined) this.breakOff();
    else this.send();
  }

  protected override send(): void {
    const plan = this.client?.plan;
    if (plan === undefined || (plan.answers === 'after the request' && !this.endReceived)) return;
    this.sendPattern(responseOffset(plan), plan.responseBytes, plan.staysOpen);
  }

  private meet(id: number): void {
    this.client = this.plans.get(id);
    if (this.client === undefined) throw new Error(`a server was sent the id ${id} of no flow`);
    this.client.servers.push(this);
  }
}

function requestOffset({ id }: FlowPlan): number {
  return id * 7919;
}

function responseOffset({ id }: FlowPlan): number {
  return id * 7919 + 104_729;
}
