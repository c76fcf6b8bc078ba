/**
 * One direction of an HTTP/2 connection, cut into frames (RFC 9113 section 4): what is in DATA is passed over, header blocks are put
 * together from their frames. It knows no streams.
 *
 * Invariants: held are at most a frame's header and one header block; after `failure` nothing is read.
 */
import { HeldBytes } from './held-bytes.ts';
import { HEADER_BLOCK_BYTES_MAX } from './limits.ts';

export interface FrameHandler {
  /** A header block of a stream is about to come. */
  headersBegin(streamId: number, now: number): void;
  /** It is whole. @returns false when it cannot be read */
  headers(streamId: number, block: Buffer, start: number, end: number, isLast: boolean, now: number): boolean;
  /** A request that the server makes up; its block must be read since it changes the table. @returns false when it cannot be */
  promised(block: Buffer, start: number, end: number): boolean;
  /** Octets of a body. */
  data(streamId: number, octets: number): void;
  /** The sender's direction of the stream is over. */
  streamEnd(streamId: number, now: number): void;
  streamReset(streamId: number, now: number): void;
}

/** What a client says first (section 3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const FRAME_HEADER_BYTES = 9;
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const PUSH_PROMISE = 5;
const CONTINUATION = 9;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const PRIORITY = 0x20;
const NOTHING = Buffer.alloc(0);

export class Http2Reader {
  failure: string | undefined;
  private readonly handler: FrameHandler;
  /** Octets of the preface that are still to come. */
  private prefaceLeft: number;
  private readonly frameHeader = new HeldBytes(FRAME_HEADER_BYTES);
  private readonly block = new HeldBytes(HEADER_BLOCK_BYTES_MAX);

  /** The frame whose payload is being read. */
  private type = 0;
  private flags = 0;
  private streamId = 0;
  /** Octets of its payload that have not come; -1 between frames. */
  private remaining = -1;
  /** Octets at its end that are padding; -1 until the first octet has said. */
  private padding = 0;
  /** Octets at its beginning that are neither. */
  private lead = 0;

  /** The stream whose header block has begun and not ended, 0 when there is none. */
  private blockStream = 0;
  private blockIsPromise = false;
  private blockIsLast = false;

  constructor(handler: FrameHandler, hasPreface: boolean) {
    this.handler = handler;
    this.prefaceLeft = hasPreface ? PREFACE.length : 0;
  }

  read(bytes: Buffer, now: number): void {
    let at = this.prefaceLeft > 0 ? this.readPreface(bytes) : 0;
    while (at < bytes.length && this.failure === undefined) {
      at = this.remaining < 0 ? this.readFrameHeader(bytes, at, now) : this.readPayload(bytes, at, now);
    }
  }

  private fail(failure: string): void {
    this.failure ??= failure;
  }

  private readPreface(bytes: Buffer): number {
    const from = PREFACE.length - this.prefaceLeft;
    const taken = Math.min(bytes.length, this.prefaceLeft);
    if (bytes.compare(PREFACE, from, from + taken, 0, taken) !== 0) this.fail('not HTTP/2');
    this.prefaceLeft -= taken;
    return taken;
  }

  private readFrameHeader(bytes: Buffer, start: number, now: number): number {
    let header = bytes;
    let at = start;
    let end = start + FRAME_HEADER_BYTES;
    if (this.frameHeader.length > 0 || end > bytes.length) {
      end = Math.min(bytes.length, start + FRAME_HEADER_BYTES - this.frameHeader.length);
      this.frameHeader.add(bytes, start, end);
      if (this.frameHeader.length < FRAME_HEADER_BYTES) return end;
      header = this.frameHeader.take();
      at = 0;
    }
    this.remaining = header.readUIntBE(at, 3);
    this.type = header[at + 3] as number;
    this.flags = header[at + 4] as number;
    this.streamId = header.readUInt32BE(at + 5) & 0x7fffffff;
    this.frameBegins(now);
    if (this.remaining === 0 && this.failure === undefined) this.frameEnds(now);
    return end;
  }

  private frameBegins(now: number): void {
    const { type, flags } = this;
    if (this.blockStream !== 0 && (type !== CONTINUATION || this.streamId !== this.blockStream)) {
      this.fail('a header block is not continued');
      return;
    }
    if (type === CONTINUATION && this.blockStream === 0) {
      this.fail('a header block is continued that has not begun');
      return;
    }
    const padded = (type === DATA || type === HEADERS || type === PUSH_PROMISE) && (flags & PADDED) !== 0;
    this.padding = padded ? -1 : 0;
    this.lead = 0;
    if (type === HEADERS) {
      if ((flags & PRIORITY) !== 0) this.lead = 5;
      this.blockBegins(false, now);
    } else if (type === PUSH_PROMISE) {
      this.lead = 4;
      this.blockBegins(true, now);
    }
    if (this.remaining < this.lead + (padded ? 1 : 0)) this.fail('a frame is too short');
  }

  private blockBegins(isPromise: boolean, now: number): void {
    this.blockStream = this.streamId;
    this.blockIsPromise = isPromise;
    this.blockIsLast = !isPromise && (this.flags & END_STREAM) !== 0;
    if (this.streamId === 0) this.fail('headers of no stream');
    else if (!isPromise) this.handler.headersBegin(this.streamId, now);
  }

  private readPayload(bytes: Buffer, start: number, now: number): number {
    let at = start;
    if (this.padding < 0) {
      this.padding = bytes[at++] as number;
      this.remaining -= 1;
      if (this.padding + this.lead > this.remaining) this.fail('a frame is all padding');
    }
    const end = Math.min(bytes.length, at + this.remaining);
    const lead = Math.min(this.lead, end - at);
    const body = Math.max(0, Math.min(end - at, this.remaining - this.padding) - lead);
    this.lead -= lead;
    this.remaining -= end - at;
    if (this.failure !== undefined) return end;
    if (this.type === DATA) this.handler.data(this.streamId, body);
    else if (this.blockStream !== 0) this.readBlock(bytes, at + lead, at + lead + body, now);
    if (this.remaining === 0) this.frameEnds(now);
    return end;
  }

  /** A block that is whole in one frame and one read is not copied. */
  private readBlock(bytes: Buffer, start: number, end: number, now: number): void {
    if (this.block.length === 0 && this.remaining <= this.padding && (this.flags & END_HEADERS) !== 0) {
      this.takeBlock(bytes, start, end, now);
    } else if (!this.block.add(bytes, start, end)) this.fail('a header block is too long');
  }

  private takeBlock(block: Buffer, start: number, end: number, now: number): void {
    const streamId = this.blockStream;
    this.blockStream = 0;
    const read = this.blockIsPromise
      ? this.handler.promised(block, start, end)
      : this.handler.headers(streamId, block, start, end, this.blockIsLast, now);
    if (!read) this.fail('a header block cannot be read');
  }

  private frameEnds(now: number): void {
    this.remaining = -1;
    if (this.blockStream !== 0) {
      if ((this.flags & END_HEADERS) === 0) return;
      const block = this.block.length > 0 ? this.block.take() : NOTHING;
      this.takeBlock(block, 0, block.length, now);
    } else if (this.type === DATA) {
      if ((this.flags & END_STREAM) !== 0) this.handler.streamEnd(this.streamId, now);
    } else if (this.type === RST_STREAM) this.handler.streamReset(this.streamId, now);
  }
}
