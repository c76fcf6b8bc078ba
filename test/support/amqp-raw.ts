/**
 * A peer without an engine: writes whatever frames a test wants, lawful or not, and reads what the engine under test answers.
 */
import { readDescriptor } from '../../router/amqp/codec/decode-fields.ts';
import * as decode from '../../router/amqp/codec/decode-performative.ts';
import { encodeAttach, encodeBegin, encodeOpen } from '../../router/amqp/codec/encode-performative.ts';
import { type Attach, type Begin, descriptors, type Open } from '../../router/amqp/codec/performatives.ts';
import { Reader } from '../../router/amqp/codec/reader.ts';
import { amqp, type Typed } from '../../router/amqp/codec/value.ts';
import { encodeValue, Writer } from '../../router/amqp/codec/writer.ts';
import { Connection } from '../../router/amqp/engine/connection.ts';
import type { ConnectionOptions } from '../../router/amqp/engine/options.ts';
import { Side } from './amqp-pair.ts';

export interface SeenFrame {
  readonly name: string;
  readonly channel: number;
  readonly body: object;
}

export const amqpHeader = Buffer.from('414d515000010000', 'hex');
export const saslHeader = Buffer.from('414d515003010000', 'hex');

const decoders = new Map<number, [string, (reader: Reader) => object]>([
  [descriptors.open, ['open', decode.decodeOpen]],
  [descriptors.begin, ['begin', decode.decodeBegin]],
  [descriptors.attach, ['attach', decode.decodeAttach]],
  [descriptors.flow, ['flow', decode.decodeFlow]],
  [descriptors.disposition, ['disposition', decode.decodeDisposition]],
  [descriptors.detach, ['detach', decode.decodeDetach]],
  [descriptors.end, ['end', decode.decodeEndOrClose]],
  [descriptors.close, ['close', decode.decodeEndOrClose]],
  [descriptors.saslMechanisms, ['mechanisms', decode.decodeSaslMechanisms]],
  [descriptors.saslInit, ['init', decode.decodeSaslInit]],
  [descriptors.saslOutcome, ['outcome', decode.decodeSaslOutcome]],
]);

/** What an engine pushed, as headers ('amqp', 'sasl') and frames; transfers have no body here. */
export function framesOf(bytes: Buffer): SeenFrame[] {
  const frames: SeenFrame[] = [];
  for (let pos = 0; pos < bytes.length; ) {
    if (bytes.readUInt32BE(pos) === 0x414d5150) {
      frames.push({ name: bytes[pos + 4] === 3 ? 'sasl' : 'amqp', channel: 0, body: {} });
      pos += 8;
      continue;
    }
    const sizeBytes = bytes.readUInt32BE(pos);
    const channel = bytes.readUInt16BE(pos + 6);
    if (sizeBytes === 8) frames.push({ name: 'empty', channel, body: {} });
    else {
      const reader = new Reader(bytes, pos + 8, pos + sizeBytes);
      const [name, decoder] = decoders.get(readDescriptor(reader)) ?? ['transfer', () => ({})];
      frames.push({ name, channel, body: decoder(reader) });
    }
    pos += sizeBytes;
  }
  return frames;
}

/** One frame by an encoder of ours. */
export function frame(encode: (writer: Writer) => void): Buffer {
  const writer = new Writer();
  encode(writer);
  return writer.take();
}

/** One frame with any fields, of any type. */
export function anyFrame(
  descriptor: number,
  fields: readonly Typed[],
  payload: Buffer = Buffer.alloc(0),
  channel = 0,
): Buffer {
  const body = frame((writer) => encodeValue(writer, amqp.described(amqp.ulong(descriptor), amqp.list(fields))));
  const header = Buffer.from([0, 0, 0, 0, 2, 0, channel >> 8, channel]);
  header.writeUInt32BE(8 + body.length + payload.length);
  return Buffer.concat([header, body, payload]);
}

export interface TransferFields {
  readonly handle?: number;
  readonly deliveryId?: number;
  readonly tag?: Buffer;
  readonly settled?: boolean;
  readonly more?: boolean;
  readonly payload?: Buffer;
}

export function transferFrame(fields: TransferFields = {}): Buffer {
  const { handle = 0, deliveryId, settled, more, payload } = fields;
  return anyFrame(
    descriptors.transfer,
    [
      amqp.uint(handle),
      deliveryId === undefined ? amqp.null() : amqp.uint(deliveryId),
      deliveryId === undefined ? amqp.null() : amqp.binary(fields.tag ?? Buffer.from([deliveryId])),
      amqp.null(),
      settled === undefined ? amqp.null() : amqp.boolean(settled),
      more === undefined ? amqp.null() : amqp.boolean(more),
    ],
    payload,
  );
}

/** An engine, as acceptor, whose peer is the test. */
export class RawPeer extends Side {
  now = 0;
  constructor(options: Partial<ConnectionOptions> = {}) {
    super(new Connection({ role: 'acceptor', containerId: 'engine', ...options }, 0));
  }

  /** Sends octets to the engine, and returns what it answers. */
  send(...pieces: Buffer[]): SeenFrame[] {
    this.connection.receive(Buffer.concat(pieces), this.now);
    this.drain();
    return this.answers();
  }

  answers(): SeenFrame[] {
    const into: Buffer[] = [];
    while (this.connection.transmit(65536, into, this.now) > 0) this.drain();
    this.drain();
    return framesOf(Buffer.concat(into));
  }

  /** Header and open, both ways. */
  opened(open: Partial<Open> = {}): this {
    this.connection.open();
    this.send(
      amqpHeader,
      frame((writer) => encodeOpen(writer, { containerId: 'raw', ...open })),
    );
    this.take('opened');
    return this;
  }

  /** A session on channel 0. */
  begun(begin: Partial<Begin> = {}): this {
    const fields = { nextOutgoingId: 0, incomingWindow: 100, outgoingWindow: 100, ...begin };
    this.opened().send(frame((writer) => encodeBegin(writer, 0, fields)));
    return this;
  }

  /** Attaches on channel 0; the engine's answer is the test's business. */
  attach(attach: Partial<Attach> = {}): SeenFrame[] {
    const fields = { name: 'l', handle: 0, role: 'sender', ...attach } as const;
    return this.send(frame((writer) => encodeAttach(writer, 0, fields)));
  }
}
