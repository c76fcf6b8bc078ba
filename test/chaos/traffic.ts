/**
 * The connections of the chaos run. Each has a number, which decides all that its two ends say: octets of the pattern from a position of
 * its own on, so that those of one connection are not right in another, and their hash at the end.
 *
 * - bulk: both sides send much at once, then FIN
 * - request: questions one after the other, with pauses; what is asked comes back as the answer
 * - half-open: the client says little and ends its side; the server goes on slowly
 */
import { createHash, type Hash } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Random, randomInt } from '../../lib/random.ts';
import { patternAt } from '../support/pattern.ts';
import { ClosedError, isLoss, SocketEnd } from '../support/socket-end.ts';
import { connect, type Listening, listen } from '../support/tcp.ts';
import type { History } from './history.ts';

export const KINDS = ['bulk', 'request', 'half-open'] as const;
export type Kind = (typeof KINDS)[number];

export interface Way {
  readonly port: number;
  /** The routers of its two ends. */
  readonly from: number;
  readonly to: number;
}

interface Plan {
  readonly id: number;
  readonly kind: Kind;
  readonly way: Way;
  readonly upBytes: number;
  readonly downBytes: number;
  /** Of a request, and of a half-open one's pieces. */
  readonly pauseMs: number;
  readonly startedMs: number;
}

const ID_BYTES = 4;
const HASH_BYTES = 32;
const WRITE_BYTES = 64 * 1024;
const BULK_BYTES_MAX = 48 * 1024 * 1024;
const SMALL_BYTES_MAX = 64 * 1024;
const SLOW_BYTES_MAX = 1024 * 1024;
const QUESTION_BYTES_MAX = 16 * 1024;
const PIECE_BYTES = 8 * 1024;
const PAUSE_MS_MAX = 250;
/** Of the positions of two connections. */
const STRIDE = 7919;
/** What a connection needs, troubles included; one that is not over then hangs. */
const PATIENCE_MS = 150_000;
/** One that cannot go on is reset soon; with this much in hand for a machine with much to do. */
const APART_MS_MAX = 6000;
const TOLD_MAX = 20;

export class Traffic {
  readonly done = new Map<Kind, number>(KINDS.map((kind) => [kind, 0]));
  /** Connections that broke and may have: an end died, or there was no way for long. */
  excusedCount = 0;
  brokenCount = 0;
  wrongCount = 0;
  hungCount = 0;
  readonly told: string[] = [];
  octets = 0;
  openCount = 0;
  servedCount = 0;
  /** The longest time that a connection which came to its end had not gone on for. */
  pauseMsMax = 0;
  private readonly random: Random;
  private readonly ways: readonly Way[];
  private readonly history: History;
  private readonly plans = new Map<number, Plan>();
  private nextId = 1;

  constructor(random: Random, ways: readonly Way[], history: History) {
    this.random = random;
    this.ways = ways;
    this.history = history;
  }

  /** The server of all ways. */
  static async serve(traffic: () => Traffic | undefined): Promise<Listening> {
    return await listen((socket) => {
      const now = traffic();
      if (now === undefined) socket.destroy();
      else void now.served(socket);
    });
  }

  /** One connection from its beginning to its end; never throws. */
  async run(): Promise<void> {
    const plan = this.plan();
    this.plans.set(plan.id, plan);
    this.openCount++;
    let socket: Socket | undefined;
    try {
      socket = await connect(plan.way.port);
      const end = new End(socket, plan.id);
      await within(PATIENCE_MS, this.client(plan, end));
      this.done.set(plan.kind, (this.done.get(plan.kind) ?? 0) + 1);
      this.pauseMsMax = Math.max(this.pauseMsMax, end.pauseMsMax);
    } catch (error) {
      this.failed(plan, 'client', error as Error);
    } finally {
      socket?.destroy();
      this.openCount--;
      this.plans.delete(plan.id);
    }
  }

  private async served(socket: Socket): Promise<void> {
    this.servedCount++;
    socket.once('close', () => {
      this.servedCount--;
    });
    let plan: Plan | undefined;
    try {
      const end = new End(socket, 0);
      const id = await within(PATIENCE_MS, end.read(ID_BYTES)).catch((error: Error) => {
        // Who has not said its name was lost before; what became of it is seen at the client.
        throw error instanceof EarlyFinError ? new ClosedError('nameless') : error;
      });
      plan = this.plans.get(id.readUInt32BE(0));
      // Its client is over already.
      if (plan === undefined) throw new ClosedError('late');
      end.base = plan.id * STRIDE;
      await within(PATIENCE_MS, this.server(plan, end));
    } catch (error) {
      socket.destroy();
      // That it broke is counted at the client.
      if (!isLoss(error as Error)) this.failed(plan, 'server', error as Error);
    }
  }

  private async client({ id, kind, upBytes, downBytes, pauseMs }: Plan, end: End): Promise<void> {
    const name = Buffer.alloc(ID_BYTES);
    name.writeUInt32BE(id);
    await end.write(name);
    end.base = id * STRIDE;
    if (kind === 'request') {
      for (let at = 0; at < upBytes; ) {
        const size = Math.min(upBytes - at, 1 + ((at * 31 + id) % QUESTION_BYTES_MAX));
        await end.send(size);
        await end.receive(size);
        at += size;
        await sleep(pauseMs);
      }
      end.finish();
      await end.over();
    } else {
      const sent = end.send(upBytes).then(() => end.sign());
      await Promise.all([sent, end.receive(downBytes).then(() => end.signed())]);
    }
    this.octets += upBytes + (kind === 'request' ? upBytes : downBytes);
  }

  private async server({ kind, upBytes, downBytes, pauseMs }: Plan, end: End): Promise<void> {
    if (kind === 'request') {
      for (let at = 0; at < upBytes; ) {
        const piece = await end.some();
        await end.write(piece);
        at += piece.length;
      }
      await end.over();
      end.finish();
    } else if (kind === 'half-open') {
      await end.receive(upBytes);
      await end.signed();
      for (let at = 0; at < downBytes; at += PIECE_BYTES) {
        await end.send(Math.min(PIECE_BYTES, downBytes - at));
        await sleep(pauseMs);
      }
      await end.sign();
    } else {
      const sent = end.send(downBytes).then(() => end.sign());
      await Promise.all([sent, end.receive(upBytes).then(() => end.signed())]);
    }
  }

  private plan(): Plan {
    const { random } = this;
    const kind = KINDS[randomInt(random, KINDS.length)]!;
    const upMax = kind === 'bulk' ? BULK_BYTES_MAX : SMALL_BYTES_MAX * (kind === 'request' ? 8 : 1);
    const downMax = kind === 'bulk' ? BULK_BYTES_MAX : SLOW_BYTES_MAX;
    return {
      id: this.nextId++,
      kind,
      way: this.ways[randomInt(random, this.ways.length)]!,
      upBytes: 1 + randomInt(random, upMax),
      downBytes: 1 + randomInt(random, downMax),
      pauseMs: randomInt(random, PAUSE_MS_MAX),
      startedMs: performance.now(),
    };
  }

  private failed(plan: Plan | undefined, who: string, error: Error): void {
    const isExcused = plan !== undefined && this.isExcused(plan, error);
    if (isExcused) this.excusedCount++;
    else if (error instanceof HangsError) this.hungCount++;
    else if (isLoss(error)) this.brokenCount++;
    else this.wrongCount++;
    if (isExcused) return;
    const { id, kind, way, upBytes, downBytes, startedMs } = plan ?? {};
    const ageMs = Math.round(performance.now() - (startedMs ?? 0));
    const what = `flow ${id} (${kind}, from R${way?.from} to R${way?.to}, ${upBytes} up, ${downBytes} down, ${ageMs} ms old)`;
    // What is wrong comes before what is broken.
    const told = `${clock()} ${what}, ${who}: ${error.message}`;
    if (!isLoss(error)) this.told.unshift(told);
    else if (this.told.length < TOLD_MAX) this.told.push(told);
  }

  private isExcused({ way: { from, to }, startedMs }: Plan, error: Error): boolean {
    const now = performance.now();
    const { history } = this;
    // What died just before it began may not be known yet, or be in the middle of its start.
    const sinceMs = startedMs - APART_MS_MAX;
    const endDied = history.died([from, to], sinceMs, now);
    // The system ends the connections of a process that dies, and with FIN when all was read.
    if (error instanceof EarlyFinError) return endDied;
    return isLoss(error) && (endDied || history.longestApartMs(from, to, sinceMs, now) > APART_MS_MAX);
  }
}

/** One end of a connection: octets in order, each direction with its hash. What is not asked for is not read. */
class End extends SocketEnd {
  /** Where in the pattern both directions of this connection begin. */
  base: number;
  pauseMsMax = 0;
  private rest: Buffer = Buffer.alloc(0);
  private sentBytes = 0;
  private receivedBytes = 0;
  private readonly sentHash: Hash = createHash('sha256');
  private readonly receivedHash: Hash = createHash('sha256');

  constructor(socket: Socket, id: number) {
    super(socket);
    this.base = id * STRIDE;
  }

  /** The next octets of the pattern. */
  async send(byteCount: number): Promise<void> {
    for (const endBytes = this.sentBytes + byteCount; this.sentBytes < endBytes; ) {
      const chunk = patternAt(this.base + this.sentBytes, Math.min(WRITE_BYTES, endBytes - this.sentBytes));
      this.sentBytes += chunk.length;
      this.sentHash.update(chunk);
      await this.write(chunk);
    }
  }

  /** The hash of all that was sent, and FIN. */
  async sign(): Promise<void> {
    await this.write(this.sentHash.digest());
    this.finish();
  }

  finish(): void {
    this.socket.end();
  }

  /** The next octets of the pattern are what comes next. @throws at the first that is another */
  async receive(byteCount: number): Promise<void> {
    for (const endBytes = this.receivedBytes + byteCount; this.receivedBytes < endBytes; ) {
      const expected = patternAt(this.base + this.receivedBytes, endBytes - this.receivedBytes);
      const chunk = await this.some(expected.length);
      if (!chunk.equals(expected.subarray(0, chunk.length)))
        throw new Error(`wrong octets at ${this.receivedBytes} to ${this.receivedBytes + chunk.length}`);
      this.receivedBytes += chunk.length;
      this.receivedHash.update(chunk);
    }
  }

  /** The hash of all that came is what comes next, and then FIN. */
  async signed(): Promise<void> {
    const hash = await this.read(HASH_BYTES);
    if (!hash.equals(this.receivedHash.digest())) throw new Error(`wrong hash after ${this.receivedBytes} octets`);
    await this.over();
  }

  /** Nothing but FIN comes. */
  async over(): Promise<void> {
    const chunk = await this.next();
    if (chunk !== undefined) throw new Error(`${chunk.length} octets too many after ${this.receivedBytes}`);
  }

  async read(byteCount: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (let left = byteCount; left > 0; left -= chunks.at(-1)!.length) chunks.push(await this.some(left));
    return Buffer.concat(chunks);
  }

  /** What has come, at least one octet. @throws at FIN */
  async some(byteCountMax = Number.POSITIVE_INFINITY): Promise<Buffer> {
    const chunk = await this.next();
    if (chunk === undefined) throw new EarlyFinError(`FIN too early, after ${this.receivedBytes} octets`);
    this.rest = chunk.subarray(byteCountMax);
    return chunk.subarray(0, byteCountMax);
  }

  /** Undefined at FIN. */
  private async next(): Promise<Buffer | undefined> {
    if (this.rest.length > 0) {
      const chunk = this.rest;
      this.rest = Buffer.alloc(0);
      return chunk;
    }
    const askedMs = performance.now();
    const chunk = await this.chunk();
    if (chunk !== undefined) this.pauseMsMax = Math.max(this.pauseMsMax, performance.now() - askedMs);
    return chunk;
  }
}

class HangsError extends Error {}
/** The end of what was sent came before its end. */
class EarlyFinError extends Error {}

function clock(): string {
  return new Date().toISOString().slice(11, 23);
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HangsError(`hangs after ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, hung]);
  } finally {
    clearTimeout(timer);
  }
}
