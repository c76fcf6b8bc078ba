/**
 * Reads the fields of a described list (a performative, a terminus, an outcome) one by one in order (AMQP 1.0 part 1.4).
 *
 * Fields left off at the end read as undefined, and so does null. Lists longer than their type's fields are accepted: the
 * extra ones are skipped by `leave`.
 */
import { AmqpDecodeError } from './errors.ts';
import { decodeValue, enterCompound, type Reader } from './reader.ts';
import type { Typed } from './value.ts';

/** Reads a descriptor and returns its number: symbolic descriptors are not used by any peer of ours. */
export function readDescriptor(reader: Reader): number {
  if (reader.byte() !== 0x00) throw new AmqpDecodeError('a described type was expected');
  const code = reader.byte();
  if (code === 0x53) return reader.byte();
  if (code === 0x44) return 0;
  if (code !== 0x80) throw new AmqpDecodeError('a numeric descriptor was expected');
  return Number(reader.uint64());
}

export class Fields {
  readonly #reader: Reader;
  #left = 0;
  #outerEnd = 0;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** Steps into the list at the reader. */
  enter(): this {
    const reader = this.#reader;
    const code = reader.byte();
    if (code === 0x45) {
      this.#outerEnd = reader.end;
      reader.end = reader.pos;
      this.#left = 0;
      return this;
    }
    if (code !== 0xc0 && code !== 0xd0) throw new AmqpDecodeError('a list of fields was expected');
    this.#outerEnd = enterCompound(reader, code === 0xd0);
    this.#left = code === 0xd0 ? reader.uint32() : reader.byte();
    return this;
  }

  /** Steps out, over the fields that were not asked for. */
  leave(): void {
    this.#reader.pos = this.#reader.end;
    this.#reader.end = this.#outerEnd;
  }

  uint(): number | undefined {
    const code = this.#next();
    if (code < 0) return undefined;
    if (code === 0x43) return 0;
    if (code === 0x52) return this.#reader.byte();
    if (code === 0x70) return this.#reader.uint32();
    return wrongType('uint');
  }

  ushort(): number | undefined {
    const code = this.#next();
    if (code < 0) return undefined;
    return code === 0x60 ? this.#reader.uint16() : wrongType('ushort');
  }

  ubyte(): number | undefined {
    const code = this.#next();
    if (code < 0) return undefined;
    return code === 0x50 ? this.#reader.byte() : wrongType('ubyte');
  }

  ulong(): number | undefined {
    const code = this.#next();
    if (code < 0) return undefined;
    if (code === 0x44) return 0;
    if (code === 0x53) return this.#reader.byte();
    if (code === 0x80) return Number(this.#reader.uint64());
    return wrongType('ulong');
  }

  boolean(): boolean | undefined {
    const code = this.#next();
    if (code < 0) return undefined;
    if (code === 0x41) return true;
    if (code === 0x42) return false;
    if (code === 0x56) return this.#reader.byte() !== 0;
    return wrongType('boolean');
  }

  string(): string | undefined {
    const code = this.#next();
    if (code < 0) return undefined;
    if (code === 0xa1) return this.#reader.utf8(this.#reader.byte());
    if (code === 0xb1) return this.#reader.utf8(this.#reader.uint32());
    return wrongType('string');
  }

  symbol(): string | undefined {
    const code = this.#next();
    if (code < 0) return undefined;
    if (code === 0xa3) return this.#reader.ascii(this.#reader.byte());
    if (code === 0xb3) return this.#reader.ascii(this.#reader.uint32());
    return wrongType('symbol');
  }

  binary(): Buffer | undefined {
    const code = this.#next();
    if (code < 0) return undefined;
    if (code === 0xa0) return this.#reader.bytes(this.#reader.byte());
    if (code === 0xb0) return this.#reader.bytes(this.#reader.uint32());
    return wrongType('binary');
  }

  /** The size of a binary whose octets are not wanted; -1 when absent. */
  binarySizeBytes(): number {
    const code = this.#next();
    if (code < 0) return -1;
    if (code !== 0xa0 && code !== 0xb0) return wrongType('binary');
    const sizeBytes = code === 0xa0 ? this.#reader.byte() : this.#reader.uint32();
    this.#reader.skip(sizeBytes);
    return sizeBytes;
  }

  /** A field that may hold several symbols: one symbol or an array of them (1.4, `multiple`). */
  symbols(): readonly string[] | undefined {
    const value = this.any();
    if (value === undefined) return undefined;
    if (value.type === 'symbol') return [value.value];
    if (value.type !== 'array' || (value.elementType !== 'symbol' && value.value.length > 0))
      return wrongType('symbol');
    return value.value.map((item) => item.value as string);
  }

  /** A string or a symbol: peers differ on addresses and content types. */
  text(): string | undefined {
    const value = this.any();
    if (value === undefined) return undefined;
    return value.type === 'string' || value.type === 'symbol' ? value.value : wrongType('string');
  }

  map(): Typed | undefined {
    const value = this.any();
    if (value !== undefined && value.type !== 'map') return wrongType('map');
    return value;
  }

  any(): Typed | undefined {
    if (this.#left === 0) return undefined;
    this.#left -= 1;
    const value = decodeValue(this.#reader);
    return value.type === 'null' ? undefined : value;
  }

  /** True when the next field holds something: the reader stands at its constructor. False consumes it. */
  present(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    const { buffer, pos, end } = this.#reader;
    if (pos >= end) return wrongType('a field');
    if (buffer[pos] !== 0x40) return true;
    this.#reader.pos += 1;
    return false;
  }

  /** The constructor of the next field, -1 when it is null or left off. */
  #next(): number {
    if (this.#left === 0) return -1;
    this.#left -= 1;
    const code = this.#reader.byte();
    return code === 0x40 ? -1 : code;
  }
}

export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new AmqpDecodeError(`the mandatory field ${name} is missing`);
  return value;
}

function wrongType(expected: string): never {
  throw new AmqpDecodeError(`a field is not of type ${expected}`);
}
