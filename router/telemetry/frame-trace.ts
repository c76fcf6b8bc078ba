/**
 * What goes one way on an AMQP connection, put into words a frame at a time: for the log module PROTOCOL. Pure; it only looks at copies of
 * what others decode, so nothing it meets can do harm: from octets that are no frames on it says no more.
 *
 * Payloads are never shown, and of SASL only the mechanism.
 */
import { Fields, readDescriptor } from '../amqp/codec/decode-fields.ts';
import {
  decodeAttach,
  decodeBegin,
  decodeDetach,
  decodeDisposition,
  decodeEndOrClose,
  decodeFlow,
  decodeOpen,
  decodeSaslInit,
  decodeSaslMechanisms,
  decodeSaslOutcome,
  decodeTransfer,
  emptyTransfer,
} from '../amqp/codec/decode-performative.ts';
import { AmqpDecodeError } from '../amqp/codec/errors.ts';
import { type Attach, descriptors } from '../amqp/codec/performatives.ts';
import { Reader } from '../amqp/codec/reader.ts';
import { type Typed, toPlain } from '../amqp/codec/value.ts';

const HEADER_BYTES = 8;
/** 'AMQP'. */
const PROTOCOL = 0x414d5150;
/** Octets of a frame that are waited for to show its performative; the rest is passed over. */
const SHOWN_BYTES_MAX = 16 * 1024;
/** Links that are remembered to be in the midst of a delivery. */
const UNFINISHED_COUNT_MAX = 100_000;
/** Characters of one value. */
const TEXT_LENGTH_MAX = 256;

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(descriptors).map(([name, code]) => [code, kebab(name)] as const),
);

const DECODERS: Readonly<Record<number, (reader: Reader) => object>> = {
  [descriptors.open]: decodeOpen,
  [descriptors.begin]: decodeBegin,
  [descriptors.attach]: decodeAttach,
  [descriptors.flow]: decodeFlow,
  [descriptors.disposition]: decodeDisposition,
  [descriptors.detach]: decodeDetach,
  [descriptors.end]: decodeEndOrClose,
  [descriptors.close]: decodeEndOrClose,
  [descriptors.saslMechanisms]: decodeSaslMechanisms,
  [descriptors.saslInit]: (reader) => ({ mechanism: decodeSaslInit(reader).mechanism }),
  [descriptors.saslOutcome]: decodeSaslOutcome,
};

export interface FrameHearer {
  /** Each frame, such as `@flow(19) [incoming-window=2048, ...]`. */
  frame?(channel: number, frame: string): void;
  attach?(channel: number, attach: Attach): void;
  /** The first octets of each delivery: of its first frame, as far as they are looked at. */
  delivery?(channel: number, handle: number, start: Buffer): void;
}

export class FrameTrace {
  private readonly hearer: FrameHearer;
  /** Links, by channel and handle, of which the last transfer has said that more follows. */
  private readonly unfinished = new Set<number>();
  /** Octets of the last frame that are still to come and are not shown. */
  private skipBytes = 0;
  private partial: Buffer = NOTHING;
  private lost = false;

  constructor(hearer: FrameHearer) {
    this.hearer = hearer;
  }

  push(bytes: Buffer): void {
    if (this.lost) return;
    const skipped = Math.min(this.skipBytes, bytes.length);
    this.skipBytes -= skipped;
    let rest = bytes.subarray(skipped);
    if (this.partial.length > 0) rest = Buffer.concat([this.partial, rest]);
    for (let taken = this.take(rest); taken > 0 && !this.lost; taken = this.take(rest)) {
      this.skipBytes = Math.max(0, taken - rest.length);
      rest = rest.subarray(Math.min(taken, rest.length));
    }
    this.partial = rest.length === 0 || this.lost ? NOTHING : Buffer.from(rest);
  }

  /** Tells what begins here, and returns the octets of it; 0 when too little is there. */
  private take(bytes: Buffer): number {
    if (bytes.length < HEADER_BYTES) return 0;
    const sizeBytes = bytes.readUInt32BE(0);
    if (sizeBytes === PROTOCOL) {
      const [id, ...version] = bytes.subarray(4, HEADER_BYTES);
      this.hearer.frame?.(0, `${id === 3 ? 'SASL' : id === 0 ? 'AMQP' : `protocol ${id}`} ${version.join('.')}`);
      return HEADER_BYTES;
    }
    const offset = bytes[4]! * 4;
    if (offset < HEADER_BYTES || sizeBytes < offset || bytes[5]! > 1) {
      this.lost = true;
      this.hearer.frame?.(0, 'octets that are no frame: no more is shown of this direction');
      return 0;
    }
    const neededBytes = Math.min(sizeBytes, SHOWN_BYTES_MAX);
    if (bytes.length < neededBytes) return 0;
    const channel = bytes[5] === 0 ? bytes.readUInt16BE(6) : 0;
    if (sizeBytes === offset) this.hearer.frame?.(channel, '(EMPTY FRAME)');
    else this.performative(channel, bytes.subarray(offset, neededBytes), sizeBytes - offset);
    return sizeBytes;
  }

  /** @param bodySizeBytes of the whole frame, of which `body` may be the beginning */
  private performative(channel: number, body: Buffer, bodySizeBytes: number): void {
    try {
      const reader = new Reader(body);
      const code = readDescriptor(reader);
      if (code === descriptors.transfer) {
        this.transfer(channel, reader, bodySizeBytes);
        return;
      }
      const fields = DECODERS[code]?.(reader);
      const name = `@${NAMES.get(code) ?? `0x${code.toString(16)}`}(${code})`;
      this.hearer.frame?.(channel, fields === undefined ? name : `${name} ${list(fields)}`);
      if (code === descriptors.attach) this.hearer.attach?.(channel, fields as Attach);
    } catch (thrown) {
      if (!(thrown instanceof AmqpDecodeError)) throw thrown;
      this.hearer.frame?.(channel, `a frame of ${bodySizeBytes} octets that cannot be shown`);
    }
  }

  private transfer(channel: number, reader: Reader, bodySizeBytes: number): void {
    const transfer = emptyTransfer();
    decodeTransfer(reader, new Fields(reader), transfer);
    const given = Object.entries(transfer).filter(([, value]) => value !== -1 && value !== false);
    const frame = `@transfer(20) ${list(Object.fromEntries(given))} (${bodySizeBytes - reader.pos} octets)`;
    this.hearer.frame?.(channel, frame);
    const link = channel * 2 ** 32 + transfer.handle;
    if (!this.unfinished.has(link))
      this.hearer.delivery?.(channel, transfer.handle, reader.buffer.subarray(reader.pos));
    if (this.unfinished.size === UNFINISHED_COUNT_MAX) this.unfinished.clear();
    if (transfer.more && !transfer.aborted) this.unfinished.add(link);
    else this.unfinished.delete(link);
  }
}

const NOTHING = Buffer.alloc(0);

function list(fields: object): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `[${given.map(([name, value]) => `${kebab(name)}=${shown(value)}`).join(', ')}]`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(cut(value));
  if (Buffer.isBuffer(value)) return `0x${cut(value.toString('hex'))}`;
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (value instanceof Map) return `{${[...value].map(([key, each]) => `${String(key)}=${shown(each)}`).join(', ')}}`;
  if (typeof value !== 'object' || value === null) return String(value);
  return 'type' in value && 'value' in value ? shown(toPlain(value as Typed)) : list(value);
}

function cut(text: string): string {
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}...` : text;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
