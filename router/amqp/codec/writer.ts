/**
 * An append-only octet writer, and the encoder of values on it (AMQP 1.0 part 1.6).
 *
 * What was written is taken away in pieces by `take()`; the memory behind a taken piece is never written again, so pieces may
 * stay in a socket's queue while writing goes on. Encodings are those that skupper-router writes: the shortest form for
 * scalars, 32-bit lists and maps in message sections (list0 when empty), 8-bit ones in performatives ('compact').
 */
import type { AmqpType, Typed, TypedArray } from './value.ts';

export type Form = 'wide' | 'compact';

const twoPow32 = 4294967296;
const noOctets = Buffer.alloc(0);

export class Writer {
  /** Valid between calls of `reserve`: write at `pos`, advance `pos`. */
  buffer: Buffer;
  pos = 0;
  #start = 0;
  readonly #blockSizeBytes: number;

  constructor(blockSizeBytes = 512) {
    this.#blockSizeBytes = blockSizeBytes;
    this.buffer = Buffer.allocUnsafeSlow(blockSizeBytes);
  }

  /** Octets written and not taken: also a mark of this place that stays true when the block behind is replaced. */
  get pending(): number {
    return this.pos - this.#start;
  }

  /** The absolute position of a mark. */
  at(mark: number): number {
    return this.#start + mark;
  }

  /** Makes room for `sizeBytes` more. */
  reserve(sizeBytes: number): void {
    if (this.pos + sizeBytes <= this.buffer.length) return;
    const pending = this.pending;
    const sizeBytesMin = pending + sizeBytes;
    const block = Buffer.allocUnsafeSlow(
      sizeBytesMin <= this.#blockSizeBytes ? this.#blockSizeBytes : sizeBytesMin * 2,
    );
    this.buffer.copy(block, 0, this.#start, this.pos);
    this.buffer = block;
    this.#start = 0;
    this.pos = pending;
  }

  /** Hands out everything written since the last take. */
  take(): Buffer {
    const taken = this.buffer.subarray(this.#start, this.pos);
    this.#start = this.pos;
    if (this.buffer.length > this.#blockSizeBytes) this.#letGo();
    return taken;
  }

  /** A block that grew for a burst does not stay. */
  #letGo(): void {
    this.buffer = noOctets;
    this.#start = 0;
    this.pos = 0;
  }

  /** Forgets everything written since the last take. */
  discard(): void {
    this.pos = this.#start;
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.pos++] = value;
  }

  uint16(value: number): void {
    this.reserve(2);
    this.buffer[this.pos++] = value >>> 8;
    this.buffer[this.pos++] = value;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.pos = putUint32(this.buffer, this.pos, value);
  }

  uint64(value: number | bigint): void {
    this.reserve(8);
    if (typeof value === 'number' && value >= 0) {
      this.pos = putUint32(this.buffer, this.pos, Math.floor(value / twoPow32));
      this.pos = putUint32(this.buffer, this.pos, value % twoPow32);
    } else {
      this.pos = this.buffer.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)), this.pos);
    }
  }

  bytes(value: Buffer): void {
    this.reserve(value.length);
    this.pos += value.copy(this.buffer, this.pos);
  }

  text(value: string, encoding: 'utf8' | 'latin1', sizeBytes: number): void {
    this.reserve(sizeBytes);
    this.pos += this.buffer.write(value, this.pos, sizeBytes, encoding);
  }

  /** Constructor, size and count of a list, map or array with room for 32-bit ones; returns the mark for `endCompound`. */
  beginCompound(): number {
    this.reserve(9);
    const mark = this.pending;
    this.pos += 9;
    return mark;
  }

  /** `code32` is the 32-bit constructor; the 8-bit one is 0x10 below it. */
  endCompound(mark: number, code32: number, count: number, form: Form): void {
    const start = this.at(mark);
    const bodyBytes = this.pos - start - 9;
    if (form === 'compact' && bodyBytes < 255 && count < 256) {
      this.buffer[start] = code32 - 0x10;
      this.buffer[start + 1] = bodyBytes + 1;
      this.buffer[start + 2] = count;
      this.buffer.copyWithin(start + 3, start + 9, this.pos);
      this.pos -= 6;
      return;
    }
    this.buffer[start] = code32;
    putUint32(this.buffer, start + 1, bodyBytes + 4);
    putUint32(this.buffer, start + 5, count);
  }
}

export function putUint32(buffer: Buffer, pos: number, value: number): number {
  buffer[pos] = value >>> 24;
  buffer[pos + 1] = value >>> 16;
  buffer[pos + 2] = value >>> 8;
  buffer[pos + 3] = value;
  return pos + 4;
}

export function writeBoolean(writer: Writer, value: boolean): void {
  writer.byte(value ? 0x41 : 0x42);
}

export function writeUint(writer: Writer, value: number): void {
  writer.reserve(5);
  if (value === 0) writer.byte(0x43);
  else if (value < 256) {
    writer.byte(0x52);
    writer.byte(value);
  } else {
    writer.byte(0x70);
    writer.uint32(value);
  }
}

export function writeUlong(writer: Writer, value: number | bigint): void {
  if (value === 0) writer.byte(0x44);
  else if (value > 0 && value < 256) {
    writer.byte(0x53);
    writer.byte(Number(value));
  } else {
    writer.byte(0x80);
    writer.uint64(value);
  }
}

export function writeString(writer: Writer, value: string): void {
  writeVariable(writer, 0xa1, Buffer.byteLength(value));
  writer.text(value, 'utf8', Buffer.byteLength(value));
}

export function writeSymbol(writer: Writer, value: string): void {
  writeVariable(writer, 0xa3, value.length);
  writer.text(value, 'latin1', value.length);
}

export function writeBinary(writer: Writer, value: Buffer): void {
  writeVariable(writer, 0xa0, value.length);
  writer.bytes(value);
}

/** Constructor and size of a string, symbol or binary; the 32-bit constructor is 0x10 above the 8-bit one. */
function writeVariable(writer: Writer, code8: number, sizeBytes: number): void {
  if (sizeBytes < 256) {
    writer.byte(code8);
    writer.byte(sizeBytes);
  } else {
    writer.byte(code8 + 0x10);
    writer.uint32(sizeBytes);
  }
}

/** Appends `typed` with its constructor. */
export function encodeValue(writer: Writer, typed: Typed, form: Form = 'wide'): void {
  switch (typed.type) {
    case 'null':
      writer.byte(0x40);
      return;
    case 'boolean':
      writeBoolean(writer, typed.value);
      return;
    case 'uint':
      writeUint(writer, typed.value);
      return;
    case 'ulong':
      writeUlong(writer, typed.value);
      return;
    case 'int':
    case 'long':
      writeSigned(writer, typed.type, typed.value);
      return;
    case 'string':
      writeString(writer, typed.value);
      return;
    case 'symbol':
      writeSymbol(writer, typed.value);
      return;
    case 'binary':
      writeBinary(writer, typed.value);
      return;
    case 'list':
      writeList(writer, typed.value, form);
      return;
    case 'map': {
      const mark = writer.beginCompound();
      for (const [key, value] of typed.value) {
        encodeValue(writer, key, form);
        encodeValue(writer, value, form);
      }
      writer.endCompound(mark, 0xd1, typed.value.length * 2, form);
      return;
    }
    case 'array':
      writeArray(writer, typed, form);
      return;
    case 'described':
      writer.byte(0x00);
      encodeValue(writer, typed.descriptor, form);
      encodeValue(writer, typed.value, form);
      return;
    default:
      writer.byte(widestCode[typed.type]);
      writeElement(writer, typed);
      return;
  }
}

export function writeList(writer: Writer, items: readonly Typed[], form: Form): void {
  if (items.length === 0) {
    writer.byte(0x45);
    return;
  }
  const mark = writer.beginCompound();
  for (const item of items) encodeValue(writer, item, form);
  writer.endCompound(mark, 0xd0, items.length, form);
}

function writeSigned(writer: Writer, type: 'int' | 'long', value: number | bigint): void {
  if (value >= -128 && value <= 127) {
    writer.byte(type === 'int' ? 0x54 : 0x55);
    writer.byte(Number(value));
  } else if (type === 'int') {
    writer.byte(0x71);
    writer.uint32(Number(value));
  } else {
    writer.byte(0x81);
    writer.uint64(value);
  }
}

/** One constructor serves all elements, so it is the widest of its type. */
const widestCode: Readonly<Record<AmqpType, number>> = {
  null: 0x40,
  boolean: 0x56,
  ubyte: 0x50,
  ushort: 0x60,
  uint: 0x70,
  ulong: 0x80,
  byte: 0x51,
  short: 0x61,
  int: 0x71,
  long: 0x81,
  float: 0x72,
  double: 0x82,
  decimal32: 0x74,
  decimal64: 0x84,
  decimal128: 0x94,
  char: 0x73,
  timestamp: 0x83,
  uuid: 0x98,
  binary: 0xb0,
  string: 0xb1,
  symbol: 0xb3,
  list: 0xd0,
  map: 0xd1,
  array: 0xf0,
  described: 0x00,
};

function writeArray(writer: Writer, array: TypedArray, form: Form): void {
  const mark = writer.beginCompound();
  let elementType = array.elementType;
  const first = array.value[0];
  if (elementType === 'described') {
    writer.byte(0x00);
    encodeValue(writer, first?.type === 'described' ? first.descriptor : { type: 'null', value: null });
    elementType = first?.type === 'described' ? first.value.type : 'null';
  }
  writer.byte(widestCode[elementType]);
  for (const item of array.value) writeElement(writer, item.type === 'described' ? item.value : item);
  writer.endCompound(mark, 0xf0, array.value.length, form);
}

/** The octets of a value in the widest encoding of its type, without constructor. */
function writeElement(writer: Writer, typed: Typed): void {
  switch (typed.type) {
    case 'null':
    case 'described':
      return;
    case 'boolean':
      writer.byte(typed.value ? 1 : 0);
      return;
    case 'ubyte':
    case 'byte':
      writer.byte(typed.value);
      return;
    case 'ushort':
    case 'short':
      writer.uint16(typed.value);
      return;
    case 'uint':
    case 'int':
      writer.uint32(typed.value);
      return;
    case 'ulong':
    case 'long':
    case 'timestamp':
      writer.uint64(typed.value);
      return;
    case 'float':
      writer.reserve(4);
      writer.pos = writer.buffer.writeFloatBE(typed.value, writer.pos);
      return;
    case 'double':
      writer.reserve(8);
      writer.pos = writer.buffer.writeDoubleBE(typed.value, writer.pos);
      return;
    case 'char':
      writer.uint32(typed.value.codePointAt(0) ?? 0);
      return;
    case 'uuid':
      writer.bytes(Buffer.from(typed.value.replaceAll('-', ''), 'hex'));
      return;
    case 'decimal32':
    case 'decimal64':
    case 'decimal128':
      writer.bytes(typed.value);
      return;
    case 'binary':
      writer.uint32(typed.value.length);
      writer.bytes(typed.value);
      return;
    case 'string': {
      const sizeBytes = Buffer.byteLength(typed.value);
      writer.uint32(sizeBytes);
      writer.text(typed.value, 'utf8', sizeBytes);
      return;
    }
    case 'symbol':
      writer.uint32(typed.value.length);
      writer.text(typed.value, 'latin1', typed.value.length);
      return;
    default:
      writeCompoundElement(writer, typed);
      return;
  }
}

/** A list, map or array inside an array: its 32-bit form without the constructor octet. */
function writeCompoundElement(writer: Writer, typed: Extract<Typed, { type: 'list' | 'map' | 'array' }>): void {
  const mark = writer.pending;
  if (typed.type === 'list' && typed.value.length === 0) {
    writer.uint32(4);
    writer.uint32(0);
    return;
  }
  encodeValue(writer, typed);
  const start = writer.at(mark);
  writer.buffer.copyWithin(start, start + 1, writer.pos);
  writer.pos -= 1;
}
