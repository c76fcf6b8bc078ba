/**
 * Cuts the octets of a connection into protocol headers and frames (2.2, 2.3), however they were split on the way.
 *
 * A transfer's payload is handed on as it arrives, by reference, without waiting for the end of its frame. Everything else waits
 * until it is whole; only a piece that crosses two reads is copied. Sizes are checked before anything is kept.
 */

import { Fields, readDescriptor } from '../codec/decode-fields.ts';
import { decodeTransfer, emptyTransfer } from '../codec/decode-performative.ts';
import { descriptors, type Transfer } from '../codec/performatives.ts';
import { Reader, uint32At } from '../codec/reader.ts';
import { AmqpProtocolError, conditions } from './conditions.ts';

export interface FrameHandler {
  /** `AMQP`, then these four octets. */
  protocolHeader(protocolId: number, major: number, minor: number, revision: number): void;
  /** A frame of the expected type but a transfer: `reader` is behind the descriptor and ends with the frame. */
  frame(channel: number, descriptor: number, reader: Reader): void;
  emptyFrame(): void;
  /** A transfer's performative, with that many octets of payload to come. The object is reused. */
  transfer(channel: number, transfer: Transfer): void;
  /** The next piece of the last transfer's payload; `last` of its frame. A frame without payload has one empty piece. */
  payload(piece: Buffer, last: boolean): void;
}

const noOctets = Buffer.alloc(0);
const headerSizeBytes = 8;

export class FrameReader {
  /** What comes next: a protocol header, or frames of this type. */
  expected: 'header' | 0 | 1 = 'header';
  /** Set to drop everything from here on. */
  stopped = false;
  frameSizeBytesMax: number;

  readonly #handler: FrameHandler;
  readonly #reader = new Reader(noOctets);
  readonly #fields = new Fields(this.#reader);
  readonly #transfer: Transfer = emptyTransfer();
  /** Octets of the current frame's payload that have not arrived. */
  #payloadLeft = 0;
  /** The octets of a header or performative that was cut, and how many it takes to get on. */
  #partial = noOctets;
  #partialLength = 0;
  #needed = 0;

  constructor(handler: FrameHandler, frameSizeBytesMax: number) {
    this.#handler = handler;
    this.frameSizeBytesMax = frameSizeBytesMax;
  }

  /** Whether the next octets begin a header or a frame. */
  get betweenFrames(): boolean {
    return this.#payloadLeft === 0 && this.#partialLength === 0;
  }

  /** Takes the next octets. Throws `AmqpDecodeError` and `AmqpProtocolError`. */
  push(bytes: Buffer): void {
    let pos = 0;
    while (pos < bytes.length && !this.stopped) {
      if (this.#payloadLeft > 0) pos = this.#takePayload(bytes, pos);
      else if (this.#partialLength > 0) pos = this.#takePartial(bytes, pos);
      else {
        const end = this.#parse(bytes, pos, bytes.length);
        if (end < 0) {
          this.#keep(bytes, pos, bytes.length);
          return;
        }
        pos = end;
      }
    }
  }

  #takePayload(bytes: Buffer, pos: number): number {
    const end = Math.min(bytes.length, pos + this.#payloadLeft);
    this.#payloadLeft -= end - pos;
    const whole = pos === 0 && end === bytes.length;
    this.#handler.payload(whole ? bytes : bytes.subarray(pos, end), this.#payloadLeft === 0);
    return end;
  }

  #takePartial(bytes: Buffer, pos: number): number {
    const end = Math.min(bytes.length, pos + this.#needed - this.#partialLength);
    this.#keep(bytes, pos, end);
    if (this.#partialLength === this.#needed) {
      const length = this.#partialLength;
      const partial = this.#partial;
      if (this.#parse(partial, 0, length) >= 0) {
        this.#partialLength = 0;
        this.#partial = noOctets;
      }
    }
    return end;
  }

  /** Appends to the partial piece, which grows as far as it is known to be needed. */
  #keep(bytes: Buffer, pos: number, end: number): void {
    if (this.#partial.length < this.#needed) {
      const grown = Buffer.allocUnsafeSlow(this.#needed);
      this.#partial.copy(grown, 0, 0, this.#partialLength);
      this.#partial = grown;
    }
    this.#partialLength += bytes.copy(this.#partial, this.#partialLength, pos, end);
  }

  /**
   * Handles what starts at `pos`, and returns where it ends: for a transfer, where its payload starts unless all of it is there.
   * Returns -1 and sets `#needed` when too little is there.
   */
  #parse(buffer: Buffer, pos: number, end: number): number {
    if (end - pos < headerSizeBytes) return this.#need(headerSizeBytes);
    if (this.expected === 'header') return this.#parseHeader(buffer, pos);
    const sizeBytes = uint32At(buffer, pos);
    const bodyOffset = (buffer[pos + 4] as number) * 4;
    this.#checkFrame(sizeBytes, bodyOffset, buffer[pos + 5] as number);
    if (sizeBytes === bodyOffset) {
      if (end - pos < sizeBytes) return this.#need(sizeBytes);
      this.#handler.emptyFrame();
      return pos + sizeBytes;
    }
    const channel = ((buffer[pos + 6] as number) << 8) | (buffer[pos + 7] as number);
    if (end - pos >= sizeBytes) {
      this.#wholeFrame(buffer, pos + bodyOffset, pos + sizeBytes, channel);
      return pos + sizeBytes;
    }
    return this.#cutFrame(buffer, pos, end, bodyOffset, sizeBytes, channel);
  }

  #need(sizeBytes: number): number {
    this.#needed = sizeBytes;
    return -1;
  }

  #parseHeader(buffer: Buffer, pos: number): number {
    if (uint32At(buffer, pos) !== 0x414d5150) {
      throw new AmqpProtocolError(conditions.framingError, 'the connection does not begin with an AMQP header');
    }
    this.#handler.protocolHeader(
      buffer[pos + 4] as number,
      buffer[pos + 5] as number,
      buffer[pos + 6] as number,
      buffer[pos + 7] as number,
    );
    return pos + headerSizeBytes;
  }

  #checkFrame(sizeBytes: number, bodyOffset: number, type: number): void {
    if (sizeBytes > this.frameSizeBytesMax) {
      throw new AmqpProtocolError(conditions.framingError, `a frame of ${sizeBytes} octets is above max-frame-size`);
    }
    if (bodyOffset < headerSizeBytes) throw new AmqpProtocolError(conditions.framingError, 'doff is below 2');
    if (sizeBytes < bodyOffset) {
      throw new AmqpProtocolError(conditions.framingError, 'a frame is smaller than its header');
    }
    if (type !== this.expected) {
      throw new AmqpProtocolError(conditions.framingError, `a frame of type ${type} is not expected here`);
    }
  }

  #wholeFrame(buffer: Buffer, bodyPos: number, end: number, channel: number): void {
    const reader = this.#reader;
    reader.reset(buffer, bodyPos, end);
    const descriptor = readDescriptor(reader);
    if (descriptor !== descriptors.transfer || this.expected !== 0) {
      this.#handler.frame(channel, descriptor, reader);
      return;
    }
    decodeTransfer(reader, this.#fields, this.#transfer);
    this.#handler.transfer(channel, this.#transfer);
    this.#handler.payload(reader.pos === end ? noOctets : buffer.subarray(reader.pos, end), true);
  }

  /** A transfer whose performative is whole is begun; anything else needs more octets. */
  #cutFrame(buffer: Buffer, pos: number, end: number, bodyOffset: number, sizeBytes: number, channel: number): number {
    const bodyPos = pos + bodyOffset;
    const neededSizeBytes = this.expected === 0 ? transferSizeBytes(buffer, bodyPos, end) : 0;
    if (neededSizeBytes === 0) return this.#need(sizeBytes);
    if (bodyPos + neededSizeBytes > end) return this.#need(Math.min(bodyOffset + neededSizeBytes, sizeBytes));
    const reader = this.#reader;
    reader.reset(buffer, bodyPos, bodyPos + neededSizeBytes);
    readDescriptor(reader);
    decodeTransfer(reader, this.#fields, this.#transfer);
    this.#payloadLeft = sizeBytes - bodyOffset - neededSizeBytes;
    this.#handler.transfer(channel, this.#transfer);
    return bodyPos + neededSizeBytes;
  }
}

/**
 * Octets of the transfer performative at `pos`, or how many are needed to know; 0 when it is another performative, and for the long
 * form of a descriptor, which nobody sends and which waits for its whole frame.
 */
function transferSizeBytes(buffer: Buffer, pos: number, end: number): number {
  if (end - pos < 4) return 4;
  if (buffer[pos] !== 0x00 || buffer[pos + 1] !== 0x53 || buffer[pos + 2] !== descriptors.transfer) return 0;
  const code = buffer[pos + 3];
  if (code === 0xc0) return end - pos < 5 ? 5 : 5 + (buffer[pos + 4] as number);
  if (code === 0xd0) return end - pos < 8 ? 8 : 8 + uint32At(buffer, pos + 4);
  return 0;
}
