/**
 * A cursor over octets, and the decoder of values on it (AMQP 1.0 part 1.6).
 *
 * Every size is checked against the octets at hand before it is used; failures are `AmqpDecodeError`. `binary` values are
 * views of the input. Typed readers (`readUint`, `readString`, ...) accept each encoding of their type and nothing else.
 */
import { AmqpDecodeError } from './errors.ts';
import { emptyElementCountMax, valueDepthMax } from './limits.ts';
import { type AmqpType, amqp, type Typed } from './value.ts';

const twoPow32 = 4294967296;

export class Reader {
  buffer: Buffer;
  pos: number;
  end: number;

  constructor(buffer: Buffer, pos = 0, end = buffer.length) {
    this.buffer = buffer;
    this.pos = pos;
    this.end = end;
  }

  /** Points the reader at other octets; one reader serves a connection. */
  reset(buffer: Buffer, pos: number, end: number): void {
    this.buffer = buffer;
    this.pos = pos;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.pos;
  }

  /** Claims `sizeBytes` octets and returns where they start. */
  skip(sizeBytes: number): number {
    const start = this.pos;
    if (sizeBytes > this.end - start) throw new AmqpDecodeError('a value reaches beyond the octets that hold it');
    this.pos = start + sizeBytes;
    return start;
  }

  byte(): number {
    if (this.pos >= this.end) throw new AmqpDecodeError('a value reaches beyond the octets that hold it');
    return this.buffer[this.pos++] as number;
  }

  int8(): number {
    return (this.byte() << 24) >> 24;
  }

  uint16(): number {
    const at = this.skip(2);
    return ((this.buffer[at] as number) << 8) | (this.buffer[at + 1] as number);
  }

  uint32(): number {
    return uint32At(this.buffer, this.skip(4));
  }

  uint64(): number | bigint {
    const at = this.skip(8);
    const high = uint32At(this.buffer, at);
    const low = uint32At(this.buffer, at + 4);
    return high < 0x200000 ? high * twoPow32 + low : (BigInt(high) << 32n) | BigInt(low);
  }

  int64(): number | bigint {
    const at = this.skip(8);
    const high = uint32At(this.buffer, at) | 0;
    if (high >= -0x200000 && high < 0x200000) {
      const value = high * twoPow32 + uint32At(this.buffer, at + 4);
      if (Number.isSafeInteger(value)) return value;
    }
    return this.buffer.readBigInt64BE(at);
  }

  bytes(sizeBytes: number): Buffer {
    const start = this.skip(sizeBytes);
    return this.buffer.subarray(start, start + sizeBytes);
  }

  utf8(sizeBytes: number): string {
    const start = this.skip(sizeBytes);
    const text = this.buffer.toString('utf8', start, start + sizeBytes);
    if (text.includes('\ufffd') && !Buffer.from(text).equals(this.buffer.subarray(start, start + sizeBytes))) {
      throw new AmqpDecodeError('a string is not UTF-8');
    }
    return text;
  }

  ascii(sizeBytes: number): string {
    const start = this.skip(sizeBytes);
    return this.buffer.toString('latin1', start, start + sizeBytes);
  }
}

export function uint32At(buffer: Buffer, at: number): number {
  return (
    (((buffer[at] as number) << 24) |
      ((buffer[at + 1] as number) << 16) |
      ((buffer[at + 2] as number) << 8) |
      (buffer[at + 3] as number)) >>>
    0
  );
}

/** Decodes one value with its constructor, moving the reader behind it. */
export function decodeValue(reader: Reader, depth = 0): Typed {
  const code = reader.byte();
  if (code !== 0x00) return decodeBody(reader, code, depth);
  if (depth >= valueDepthMax) throw new AmqpDecodeError('values are nested too deeply');
  const descriptor = decodeValue(reader, depth + 1);
  return amqp.described(descriptor, decodeValue(reader, depth + 1));
}

/** The value behind constructor `code`, which has been read. */
function decodeBody(reader: Reader, code: number, depth: number): Typed {
  switch (code >>> 4) {
    case 0x4:
      return decodeEmpty(code);
    case 0x5:
      return decodeOneOctet(reader, code);
    case 0x6:
      return decodeTwoOctets(reader, code);
    case 0x7:
      return decodeFourOctets(reader, code);
    case 0x8:
      return decodeEightOctets(reader, code);
    case 0x9:
      if (code === 0x98) return amqp.uuid(uuidText(reader.bytes(16)));
      if (code === 0x94) return { type: 'decimal128', value: reader.bytes(16) };
      return unknownCode(code);
    case 0xa:
      return decodeVariable(reader, code, reader.byte());
    case 0xb:
      return decodeVariable(reader, code - 0x10, reader.uint32());
    case 0xc:
    case 0xd:
    case 0xe:
    case 0xf:
      return decodeCompound(reader, code, depth);
    default:
      return unknownCode(code);
  }
}

function decodeEmpty(code: number): Typed {
  switch (code) {
    case 0x40:
      return amqp.null();
    case 0x41:
      return amqp.boolean(true);
    case 0x42:
      return amqp.boolean(false);
    case 0x43:
      return amqp.uint(0);
    case 0x44:
      return amqp.ulong(0);
    case 0x45:
      return amqp.list([]);
    default:
      return unknownCode(code);
  }
}

function decodeOneOctet(reader: Reader, code: number): Typed {
  switch (code) {
    case 0x50:
      return amqp.ubyte(reader.byte());
    case 0x51:
      return amqp.byte(reader.int8());
    case 0x52:
      return amqp.uint(reader.byte());
    case 0x53:
      return amqp.ulong(reader.byte());
    case 0x54:
      return amqp.int(reader.int8());
    case 0x55:
      return amqp.long(reader.int8());
    case 0x56:
      return amqp.boolean(booleanOctet(reader.byte()));
    default:
      return unknownCode(code);
  }
}

function decodeTwoOctets(reader: Reader, code: number): Typed {
  if (code === 0x60) return amqp.ushort(reader.uint16());
  if (code === 0x61) return amqp.short((reader.uint16() << 16) >> 16);
  return unknownCode(code);
}

function decodeFourOctets(reader: Reader, code: number): Typed {
  switch (code) {
    case 0x70:
      return amqp.uint(reader.uint32());
    case 0x71:
      return amqp.int(reader.uint32() | 0);
    case 0x72:
      return amqp.float(reader.buffer.readFloatBE(reader.skip(4)));
    case 0x73: {
      const codePoint = reader.uint32();
      if (codePoint > 0x10ffff) throw new AmqpDecodeError('a char is not a Unicode code point');
      return amqp.char(String.fromCodePoint(codePoint));
    }
    case 0x74:
      return { type: 'decimal32', value: reader.bytes(4) };
    default:
      return unknownCode(code);
  }
}

function decodeEightOctets(reader: Reader, code: number): Typed {
  switch (code) {
    case 0x80:
      return { type: 'ulong', value: reader.uint64() };
    case 0x81:
      return { type: 'long', value: reader.int64() };
    case 0x82:
      return amqp.double(reader.buffer.readDoubleBE(reader.skip(8)));
    case 0x83:
      return { type: 'timestamp', value: reader.int64() };
    case 0x84:
      return { type: 'decimal64', value: reader.bytes(8) };
    default:
      return unknownCode(code);
  }
}

/** `code8` is the constructor of the 8-bit form. */
function decodeVariable(reader: Reader, code8: number, sizeBytes: number): Typed {
  switch (code8) {
    case 0xa0:
      return amqp.binary(reader.bytes(sizeBytes));
    case 0xa1:
      return amqp.string(reader.utf8(sizeBytes));
    case 0xa3:
      return amqp.symbol(reader.ascii(sizeBytes));
    default:
      return unknownCode(code8);
  }
}

function decodeCompound(reader: Reader, code: number, depth: number): Typed {
  if (depth >= valueDepthMax) throw new AmqpDecodeError('values are nested too deeply');
  const wide = code >= 0xf0 || (code >= 0xd0 && code < 0xe0);
  const outerEnd = enterCompound(reader, wide);
  const count = wide ? reader.uint32() : reader.byte();
  let value: Typed;
  switch (code) {
    case 0xc0:
    case 0xd0:
      value = amqp.list(decodeItems(reader, count, depth));
      break;
    case 0xc1:
    case 0xd1:
      value = amqp.map(decodePairs(reader, count, depth));
      break;
    case 0xe0:
    case 0xf0:
      value = decodeArray(reader, count, depth);
      break;
    default:
      return unknownCode(code);
  }
  leaveCompound(reader, outerEnd);
  return value;
}

/** Reads the size octets and narrows the reader to them; returns the end to restore by `leaveCompound`. */
export function enterCompound(reader: Reader, wide: boolean): number {
  const sizeBytes = wide ? reader.uint32() : reader.byte();
  const outerEnd = reader.end;
  if (sizeBytes > outerEnd - reader.pos) throw new AmqpDecodeError('a list, map or array reaches beyond its frame');
  reader.end = reader.pos + sizeBytes;
  return outerEnd;
}

export function leaveCompound(reader: Reader, outerEnd: number): void {
  if (reader.pos !== reader.end) throw new AmqpDecodeError('a list, map or array is longer than its items');
  reader.end = outerEnd;
}

function decodeItems(reader: Reader, count: number, depth: number): Typed[] {
  if (count > reader.remaining) throw new AmqpDecodeError('a list claims more items than it has octets');
  const items: Typed[] = [];
  for (let i = 0; i < count; i++) items.push(decodeValue(reader, depth + 1));
  return items;
}

function decodePairs(reader: Reader, count: number, depth: number): [Typed, Typed][] {
  if (count > reader.remaining) throw new AmqpDecodeError('a map claims more items than it has octets');
  if (count % 2 !== 0) throw new AmqpDecodeError('a map has a key without a value');
  const pairs: [Typed, Typed][] = [];
  for (let i = 0; i < count; i += 2) pairs.push([decodeValue(reader, depth + 1), decodeValue(reader, depth + 1)]);
  return pairs;
}

function decodeArray(reader: Reader, count: number, depth: number): Typed {
  let code = reader.byte();
  let descriptor: Typed | undefined;
  if (code === 0x00) {
    descriptor = decodeValue(reader, depth + 1);
    code = reader.byte();
  }
  if (count > Math.max(reader.remaining, emptyElementCountMax)) {
    throw new AmqpDecodeError('an array claims more items than it has octets');
  }
  const items: Typed[] = [];
  for (let i = 0; i < count; i++) {
    const item = decodeBody(reader, code, depth + 1);
    items.push(descriptor === undefined ? item : amqp.described(descriptor, item));
  }
  return amqp.array(descriptor === undefined ? (items[0]?.type ?? typeOfCode(code)) : 'described', items);
}

const typeByCode = new Map<number, AmqpType>();
for (const entry of [
  'null 40',
  'boolean 41 42 56',
  'uint 43 52 70',
  'ulong 44 53 80',
  'list 45 c0 d0',
  'map c1 d1',
  'array e0 f0',
  'ubyte 50',
  'byte 51',
  'ushort 60',
  'short 61',
  'int 54 71',
  'long 55 81',
  'float 72',
  'double 82',
  'char 73',
  'timestamp 83',
  'decimal32 74',
  'decimal64 84',
  'decimal128 94',
  'uuid 98',
  'binary a0 b0',
  'string a1 b1',
  'symbol a3 b3',
]) {
  const [type, ...codes] = entry.split(' ');
  for (const code of codes) typeByCode.set(Number.parseInt(code, 16), type as AmqpType);
}

/** Needed for an empty array alone: elsewhere the first item tells. */
function typeOfCode(code: number): AmqpType {
  return typeByCode.get(code) ?? unknownCode(code);
}

function unknownCode(code: number): never {
  throw new AmqpDecodeError(`0x${code.toString(16)} is not a constructor of AMQP`);
}

function booleanOctet(octet: number): boolean {
  if (octet > 1) throw new AmqpDecodeError('a boolean is neither 0 nor 1');
  return octet === 1;
}

function uuidText(octets: Buffer): string {
  const hex = octets.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
