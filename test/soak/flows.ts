/**
 * The connections of the soak: each has a plan, which both of its ends follow. The client's first four octets name the plan to the
 * server; what comes after them is the pattern, so a lost, changed or doubled octet is seen. Connections that are to go well must go
 * well; those that are to break must break at both ends, and soon.
 */
import type { Socket } from 'node:net';
import { type Random, randomInt } from '../../lib/random.ts';
import { PatternChecker, patternAt } from '../support/pattern.ts';
import { isLoss, SocketEnd } from '../support/socket-end.ts';
import { connect, type Listening, listen, reset } from '../support/tcp.ts';

/** What happens to a connection. */
export const KINDS = [
  'exchange',
  'client ends first',
  'server ends first',
  'client resets',
  'server resets',
  'client leaves unread',
  'client says nothing',
  'reader stalls',
  'waits, then exchange',
  'nobody serves',
] as const;
export type FlowKind = (typeof KINDS)[number];

const WEIGHTS: Readonly<Record<FlowKind, number>> = {
  exchange: 30,
  'client ends first': 12,
  'server ends first': 12,
  'client resets': 12,
  'server resets': 12,
  'client leaves unread': 6,
  'client says nothing': 6,
  'reader stalls': 3,
  'waits, then exchange': 3,
  'nobody serves': 4,
};

const LOT = KINDS.flatMap((kind) => new Array<FlowKind>(WEIGHTS[kind]).fill(kind));

interface Plan {
  readonly id: number;
  readonly kind: FlowKind;
  readonly upBytes: number;
  readonly downBytes: number;
  readonly waitMs: number;
}

/** Where connections go: a tcpListener's port, to a server of ours, and to one that nobody serves. */
export interface Ways {
  readonly served: readonly number[];
  readonly unserved: readonly number[];
}

const ID_BYTES = 4;
const WRITE_BYTES = 64 * 1024;
const SMALL_BYTES_MAX = 32 * 1024;
const LARGE_BYTES_MAX = 4 * 1024 * 1024;
const LARGE_SHARE = 0.04;
/** Beyond the windows of a flow: a reader that stalls stops its sender. */
const STALLED_BYTES = 3 * 1024 * 1024;
const WAIT_MS_MAX = 3000;
/** A connection that is not over by then hangs. */
const PATIENCE_MS = 60_000;

export class Flows {
  /** Connections that went as planned, by kind. */
  readonly done = new Map<FlowKind, number>(KINDS.map((kind) => [kind, 0]));
  /** What went otherwise; only so many are kept. */
  readonly failures: string[] = [];
  failureCount = 0;
  /** Failures that no lost link explains: who loses a connection is told, and gets nothing but what was sent. */
  faultCount = 0;
  /** What is open now, at clients and at servers, in words. */
  readonly ends = new Map<object, string>();
  octets = 0;
  openCount = 0;
  /** Connections at servers. */
  servedCount = 0;
  private readonly random: Random;
  private readonly ways: Ways;
  private readonly plans = new Map<number, Plan>();
  private nextId = 1;

  constructor(random: Random, ways: Ways) {
    this.random = random;
    this.ways = ways;
  }

  get doneCount(): number {
    return [...this.done.values()].reduce((sum, count) => sum + count, 0);
  }

  /** One connection from its beginning to its end, both ends included; never throws. */
  async run(): Promise<void> {
    const plan = this.makePlan();
    this.plans.set(plan.id, plan);
    this.ends.set(plan, `the client of flow ${plan.id} (${plan.kind})`);
    this.openCount++;
    let socket: Socket | undefined;
    const opened = (itself: Socket): void => {
      socket = itself;
    };
    try {
      await within(PATIENCE_MS, this.client(plan, opened));
      this.done.set(plan.kind, (this.done.get(plan.kind) ?? 0) + 1);
    } catch (error) {
      socket?.destroy();
      this.fail(plan, 'client', error as Error);
    } finally {
      this.openCount--;
      this.ends.delete(plan);
      this.plans.delete(plan.id);
    }
  }

  private fail(plan: Plan | undefined, who: string, error: Error): void {
    const { id, kind, upBytes, downBytes } = plan ?? {};
    const isFault = !isLoss(error);
    const told = `flow ${id} (${kind}, ${upBytes} up, ${downBytes} down) ${who}: ${error.message}`;
    if (isFault && this.faultCount < FAILURES_KEPT) this.failures.unshift(told);
    else if (this.failures.length < FAILURES_KEPT) this.failures.push(told);
    this.failureCount++;
    if (isFault) this.faultCount++;
  }

  private makePlan(): Plan {
    const { random } = this;
    const kind = LOT[randomInt(random, LOT.length)]!;
    const size = () =>
      random.next() < LARGE_SHARE ? randomInt(random, LARGE_BYTES_MAX) : randomInt(random, SMALL_BYTES_MAX);
    const waitMs = randomInt(random, WAIT_MS_MAX);
    const downBytes = kind === 'reader stalls' || kind === 'client leaves unread' ? STALLED_BYTES : size();
    return { id: this.nextId++, kind, upBytes: size(), downBytes, waitMs };
  }

  private async client(plan: Plan, opened: (socket: Socket) => void): Promise<void> {
    const { kind } = plan;
    const ports = kind === 'nobody serves' ? this.ways.unserved : this.ways.served;
    const port = ports[plan.id % ports.length]!;
    const socket = await connect(port).catch((error: NodeJS.ErrnoException) => {
      // The reset may come before the connection is seen to stand.
      if (kind === 'nobody serves' && error.code === 'ECONNRESET') return undefined;
      throw error;
    });
    if (socket === undefined) return;
    opened(socket);
    const end = new End(socket);
    try {
      if (isComplete(kind)) await this.exchange(plan, socket, end);
      else await breakOff(plan, socket, end);
    } finally {
      if (!isComplete(kind)) socket.destroy();
      await end.closed();
    }
  }

  private async exchange({ id, kind, upBytes, downBytes, waitMs }: Plan, socket: Socket, end: End): Promise<void> {
    await end.write(octetsOf(id));
    if (kind === 'waits, then exchange' || kind === 'reader stalls') await pause(waitMs);
    if (kind === 'server ends first') {
      await end.receivePattern(downBytes);
      await end.sendPattern(upBytes);
      socket.end();
    } else if (kind === 'client ends first') {
      await end.sendPattern(upBytes);
      socket.end();
      await end.receivePattern(downBytes);
    } else {
      const sent = end.sendPattern(upBytes).then(() => socket.end());
      await Promise.all([sent, end.receivePattern(downBytes)]);
    }
    this.octets += upBytes + downBytes;
  }

  /** The backend of all services. */
  async serve(): Promise<Listening> {
    return await listen((socket) => {
      this.servedCount++;
      this.ends.set(socket, 'the server of a flow that has not said its name');
      socket.on('close', () => {
        this.servedCount--;
        this.ends.delete(socket);
      });
      void this.server(socket);
    });
  }

  private async server(socket: Socket): Promise<void> {
    const end = new End(socket);
    let plan: Plan | undefined;
    try {
      const id = await within(PATIENCE_MS, end.read(ID_BYTES));
      plan = id === undefined ? undefined : this.plans.get(id.readUInt32BE(0));
      if (plan === undefined) return;
      if (this.ends.has(socket)) this.ends.set(socket, `the server of flow ${plan.id} (${plan.kind})`);
      await within(PATIENCE_MS, this.answer(plan, socket, end));
    } catch (error) {
      socket.destroy();
      if (plan === undefined || isComplete(plan.kind)) this.fail(plan, 'server', error as Error);
    } finally {
      if (plan === undefined || !isComplete(plan.kind)) socket.destroy();
    }
  }

  private async answer(plan: Plan, socket: Socket, end: End): Promise<void> {
    const { kind, upBytes, downBytes } = plan;
    if (kind === 'server resets') {
      await end.sendPattern(Math.floor(downBytes / 2));
      reset(socket);
    } else if (kind === 'client resets' || kind === 'client leaves unread') {
      await Promise.all([end.over(), end.sendPattern(downBytes).catch(ignore)]);
    } else if (kind === 'client ends first') {
      await end.receivePattern(upBytes);
      await end.sendPattern(downBytes);
      socket.end();
    } else if (kind === 'server ends first') {
      await end.sendPattern(downBytes);
      socket.end();
      await end.receivePattern(upBytes);
    } else {
      const sent = end.sendPattern(downBytes).then(() => socket.end());
      await Promise.all([sent, end.receivePattern(upBytes)]);
    }
  }
}

/** Kinds whose both directions come to their ends. */
function isComplete(kind: FlowKind): boolean {
  return ['exchange', 'client ends first', 'server ends first', 'reader stalls', 'waits, then exchange'].includes(kind);
}

/** The client of a connection that does not come to its end in order; it is destroyed afterwards, whatever is unread. */
async function breakOff({ id, kind, upBytes, waitMs }: Plan, socket: Socket, end: End): Promise<void> {
  if (kind === 'nobody serves') {
    if ((await end.over()) !== 'reset') throw new Error('was not reset though nobody serves');
    return;
  }
  if (kind === 'client says nothing') {
    if (id % 2 === 0) await pause(waitMs / 10);
    return;
  }
  await end.write(octetsOf(id));
  if (kind === 'client leaves unread') await pause(waitMs);
  else if (kind === 'client resets') {
    await end.sendPattern(Math.floor(upBytes / 2));
    reset(socket);
  } else {
    const [, ending] = await Promise.all([end.sendPattern(upBytes).catch(ignore), end.over()]);
    if (ending !== 'reset') throw new Error('was ended in order though the server resets');
  }
}

function octetsOf(id: number): Buffer {
  const octets = Buffer.alloc(ID_BYTES);
  octets.writeUInt32BE(id);
  return octets;
}

class End extends SocketEnd {
  private first = Buffer.alloc(0);

  async sendPattern(byteCount: number): Promise<void> {
    for (let at = 0; at < byteCount; ) {
      const chunk = patternAt(at, Math.min(WRITE_BYTES, byteCount - at));
      await this.write(chunk);
      at += chunk.length;
    }
  }

  /** Undefined when the connection is over before there are as many. */
  async read(byteCount: number): Promise<Buffer | undefined> {
    while (this.first.length < byteCount) {
      const chunk = await this.chunk().catch(ignore);
      if (chunk === undefined) return undefined;
      this.first = Buffer.concat([this.first, chunk]);
    }
    const bytes = this.first.subarray(0, byteCount);
    this.first = this.first.subarray(byteCount);
    return bytes;
  }

  /** Reads to the FIN. */
  async receivePattern(byteCount: number): Promise<void> {
    const checker = new PatternChecker();
    checker.accept(this.first);
    this.first = Buffer.alloc(0);
    for (let chunk = await this.chunk(); chunk !== undefined; chunk = await this.chunk()) checker.accept(chunk);
    if (checker.position !== byteCount) throw new Error(`${checker.position} octets of ${byteCount} came`);
  }

  /** Reads on until the other side has ended the connection. */
  async over(): Promise<'fin' | 'reset'> {
    this.socket.on('data', ignore);
    this.socket.resume();
    while (!this.socket.readableEnded && !this.socket.destroyed) await this.until('end');
    return this.broken ? 'reset' : 'fin';
  }

  async closed(): Promise<void> {
    while (!this.socket.closed) await this.until('close');
  }
}

const FAILURES_KEPT = 20;
function ignore(): void {}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs after ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, hung]);
  } finally {
    clearTimeout(timer);
  }
}
