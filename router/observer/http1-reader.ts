/**
 * One direction of an HTTP/1 connection, cut into messages: lines are handed to the handler, bodies are counted. It does not know
 * requests from responses; the handler says how long a body is (RFC 9112 section 6).
 *
 * Invariants: an octet of a body costs nothing; what is held is at most one line; after `fail` nothing is read.
 */
import { HeldBytes } from './held-bytes.ts';
import { parseChunkSize } from './http1-lines.ts';
import { HEAD_BYTES_MAX, LINE_BYTES_MAX } from './limits.ts';

/** Length of a body that is sent in chunks. */
export const CHUNKED = -1;
/** Length of a body that ends with the connection. */
export const UNTIL_END = -2;
/** No message any more: what follows is of another protocol, and goes to `switched`. */
export const SWITCHED = -3;
/** The handler has failed: not HTTP. */
export const FAILED = -4;

export interface MessageHandler {
  /** The first octets of a message have come; its first line follows, now or later. */
  begin(now: number): void;
  /** Whether these octets may begin the first line. */
  mayStart(bytes: Buffer, start: number, end: number): boolean;
  /** @returns false: not HTTP */
  startLine(bytes: Buffer, start: number, end: number): boolean;
  /** A header, of the head only. @returns false: not HTTP */
  header(bytes: Buffer, start: number, end: number): boolean;
  /** @returns octets of the body, or CHUNKED, UNTIL_END, SWITCHED, FAILED */
  headEnd(): number;
  body(octets: number): void;
  complete(now: number): void;
  switched(bytes: Buffer, now: number): void;
}

type State = 'start' | 'head' | 'body' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'until-end' | 'switched';

const LF = 0x0a;
const CR = 0x0d;

export class Http1Reader {
  failure: string | undefined;
  private readonly handler: MessageHandler;
  private state: State = 'start';
  private begun = false;
  /** Octets of the body, or of the chunk, that have not come. */
  private remaining = 0;
  private headBytes = 0;
  /** Of a header line that is too long to be held: its rest is passed over. */
  private skipping = false;
  private readonly held = new HeldBytes(LINE_BYTES_MAX);
  private line: Buffer = NOTHING;
  private lineStart = 0;
  private lineEnd = 0;

  constructor(handler: MessageHandler) {
    this.handler = handler;
  }

  /** Between two messages. */
  get idle(): boolean {
    return this.state === 'start' && !this.begun;
  }

  /** What follows is of another protocol. */
  switch(): void {
    this.state = 'switched';
  }

  read(bytes: Buffer, now: number): void {
    let at = 0;
    while (at < bytes.length && this.failure === undefined) {
      switch (this.state) {
        case 'body':
        case 'chunk':
          at = this.readBody(bytes, at, now);
          break;
        case 'until-end':
          this.handler.body(bytes.length - at);
          return;
        case 'switched':
          this.handler.switched(at === 0 ? bytes : bytes.subarray(at), now);
          return;
        default:
          at = this.readLine(bytes, at, now);
      }
    }
  }

  private fail(failure: string): void {
    this.failure ??= failure;
  }

  private readBody(bytes: Buffer, at: number, now: number): number {
    const taken = Math.min(this.remaining, bytes.length - at);
    this.remaining -= taken;
    this.handler.body(taken);
    if (this.remaining === 0) {
      if (this.state === 'chunk') this.state = 'chunk-end';
      else this.finish(now);
    }
    return at + taken;
  }

  /** @returns where to go on: after the line, or at the end when the line has none yet */
  private readLine(bytes: Buffer, at: number, now: number): number {
    if (this.state === 'start' && !this.begun && !this.beginAt(bytes, at, now)) return at + 1;
    const lf = bytes.indexOf(LF, at);
    const stop = lf < 0 ? bytes.length : lf + 1;
    this.headBytes += stop - at;
    if (this.headBytes > HEAD_BYTES_MAX) {
      this.fail('the head of a message is too long');
      return stop;
    }
    if (lf < 0) {
      this.holdLine(bytes, at, stop);
      this.checkStart();
      return stop;
    }
    if (this.held.length > 0 && !this.skipping) this.holdLine(bytes, at, stop);
    const wasSkipped = this.skipping;
    this.skipping = false;
    if (this.failure !== undefined || wasSkipped) return stop;
    if (this.held.length > 0) this.setLine(this.held.take(), 0, undefined);
    else this.setLine(bytes, at, lf);
    this.takeLine(now);
    return stop;
  }

  /** @returns false when this is an empty line before a message, which does not count */
  private beginAt(bytes: Buffer, at: number, now: number): boolean {
    if (bytes[at] === CR || bytes[at] === LF) return false;
    this.begun = true;
    this.handler.begin(now);
    if (!this.handler.mayStart(bytes, at, bytes.length)) this.fail('not HTTP');
    return true;
  }

  /** A first line whose first octets came in pieces: nobody waits for its end when it cannot be one. */
  private checkStart(): void {
    const { bytes } = this.held;
    if (this.state === 'start' && !this.handler.mayStart(bytes, 0, bytes.length)) this.fail('not HTTP');
  }

  private setLine(bytes: Buffer, start: number, lf: number | undefined): void {
    const end = lf ?? bytes.length - 1;
    this.line = bytes;
    this.lineStart = start;
    this.lineEnd = end > start && bytes[end - 1] === CR ? end - 1 : end;
  }

  private holdLine(bytes: Buffer, start: number, end: number): void {
    if (this.skipping || this.held.add(bytes, start, end)) return;
    if (this.state !== 'head' && this.state !== 'trailers') this.fail('a line is too long');
    // A header this long is none of those that matter.
    this.held.take();
    this.skipping = true;
  }

  private takeLine(now: number): void {
    const { line, lineStart: start, lineEnd: end } = this;
    this.line = NOTHING;
    switch (this.state) {
      case 'start':
        if (this.handler.startLine(line, start, end)) this.state = 'head';
        else this.fail('not HTTP');
        return;
      case 'head':
        if (end === start) this.headEnd(now);
        else if (!this.handler.header(line, start, end)) this.fail('a header cannot be read');
        return;
      case 'chunk-size':
        this.chunkSize(parseChunkSize(line, start, end));
        return;
      case 'chunk-end':
        if (end > start) this.fail('a chunk is longer than it said');
        this.nextChunk();
        return;
      default:
        if (end === start) this.finish(now);
    }
  }

  private headEnd(now: number): void {
    const length = this.handler.headEnd();
    if (length === FAILED) this.fail('the length of a message cannot be told');
    else if (length === SWITCHED) this.state = 'switched';
    else if (length === UNTIL_END) this.state = 'until-end';
    else if (length === CHUNKED) this.nextChunk();
    else if (length === 0) this.finish(now);
    else {
      this.state = 'body';
      this.remaining = length;
    }
  }

  private nextChunk(): void {
    this.state = 'chunk-size';
    this.headBytes = 0;
  }

  private chunkSize(size: number | undefined): void {
    if (size === undefined) this.fail('a chunk has no size');
    else if (size === 0) this.state = 'trailers';
    else {
      this.state = 'chunk';
      this.remaining = size;
    }
  }

  private finish(now: number): void {
    this.state = 'start';
    this.begun = false;
    this.headBytes = 0;
    this.handler.complete(now);
  }
}

const NOTHING = Buffer.alloc(0);
