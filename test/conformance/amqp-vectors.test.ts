/** skupper-router's own frames: our codec reads and writes them octet for octet, our engine plays either part against them. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../lib/random.ts';
import { Fields, readDescriptor } from '../../router/amqp/codec/decode-fields.ts';
import * as decode from '../../router/amqp/codec/decode-performative.ts';
import * as encode from '../../router/amqp/codec/encode-performative.ts';
import { descriptors, type Transfer } from '../../router/amqp/codec/performatives.ts';
import { decodeValue, Reader } from '../../router/amqp/codec/reader.ts';
import { amqp } from '../../router/amqp/codec/value.ts';
import { encodeValue, Writer } from '../../router/amqp/codec/writer.ts';
import { Connection } from '../../router/amqp/engine/connection.ts';
import type { Session } from '../../router/amqp/engine/session.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { parseHead } from '../../router/amqp/message/head.ts';
import { type Capture, capturedFrames, captures } from '../support/amqp-vectors.ts';

const frames = capturedFrames();

/** Reads a captured frame's performative and writes it again; undefined for transfers and SASL mechanisms. */
function rewritten(octets: Buffer): Buffer | undefined {
  const reader = new Reader(octets, 8);
  const channel = octets.readUInt16BE(6);
  const writer = new Writer();
  switch (readDescriptor(reader)) {
    case descriptors.open:
      encode.encodeOpen(writer, decode.decodeOpen(reader));
      break;
    case descriptors.begin:
      encode.encodeBegin(writer, channel, decode.decodeBegin(reader));
      break;
    case descriptors.attach:
      encode.encodeAttach(writer, channel, decode.decodeAttach(reader));
      break;
    case descriptors.flow:
      encode.encodeFlow(writer, channel, decode.decodeFlow(reader));
      break;
    case descriptors.disposition:
      encode.encodeDisposition(writer, channel, decode.decodeDisposition(reader));
      break;
    case descriptors.saslInit:
      encode.encodeSaslInit(writer, decode.decodeSaslInit(reader));
      break;
    case descriptors.saslOutcome:
      encode.encodeSaslOutcome(writer, decode.decodeSaslOutcome(reader));
      break;
    default:
      return undefined;
  }
  return writer.take();
}

/** The payload of a captured transfer. */
function payloadOf(octets: Buffer): Buffer | undefined {
  const reader = new Reader(octets, 8);
  if (octets[5] !== 0 || readDescriptor(reader) !== descriptors.transfer) return undefined;
  decode.decodeTransfer(reader, new Fields(reader), {} as Transfer);
  return octets.subarray(reader.pos);
}

describe('captured frames', () => {
  it('are written again octet for octet', () => {
    let count = 0;
    for (const octets of frames) {
      const again = rewritten(octets);
      if (again === undefined) continue;
      count += 1;
      expect(again.toString('hex')).toBe(octets.toString('hex'));
    }
    expect(count).toBeGreaterThan(600);
  });

  it('are, as values, written again octet for octet but for the width of one array', () => {
    const different = new Set<number>();
    for (const octets of frames) {
      const reader = new Reader(octets, 8);
      const performative = decodeValue(reader);
      const writer = new Writer();
      encodeValue(writer, performative, 'compact');
      if (!writer.take().equals(octets.subarray(8, reader.pos))) different.add(octets[10] as number);
    }
    expect([...different]).toEqual([descriptors.saslMechanisms]);
  });

  it('hold messages that are composed again octet for octet from what was parsed', () => {
    let count = 0;
    for (const octets of frames) {
      const payload = payloadOf(octets);
      if (payload === undefined || payload.length < 100) continue;
      const head = parseHead(payload, 'body', true);
      const propertiesAt = payload.indexOf(Buffer.from('005373d0', 'hex'));
      const symbolKeys = payload.includes(Buffer.from('a3066f70636f6465', 'hex'));
      const properties = head?.applicationProperties ?? new Map();
      const again = composeMessage({
        ...head,
        propertyCountMin: propertiesAt < 0 ? 0 : payload.readUInt32BE(propertiesAt + 8),
        applicationProperties: symbolKeys
          ? amqp.map([...properties].map(([key, value]) => [amqp.symbol(key), value] as const))
          : head?.applicationProperties,
      });
      count += 1;
      expect(again.toString('hex')).toBe(payload.toString('hex', 0, head?.bodyEndOffset));
    }
    expect(count).toBeGreaterThan(400);
  });
});

/**
 * Plays one captured side against an engine that makes the other side's moves; the side's octets between two moves arrive in pieces of
 * random size. Returns the payload of each delivery in the order of their beginnings, and what else was told.
 */
function replay(capture: Capture, player: 'connector' | 'listener', random: SeededRandom, pieceSizeBytesMax: number) {
  const connection = new Connection(
    {
      role: player === 'connector' ? 'acceptor' : 'initiator',
      containerId: 'engine',
      sasl: { mechanisms: ['ANONYMOUS'], required: true },
    },
    0,
  );
  const deliveries: { link: string; pieces: Buffer[]; last: boolean }[] = [];
  const others: string[] = [];
  const sessions = new Map<number, Session>();
  const drain = (): void => {
    for (let event = connection.nextEvent(); event !== undefined; event = connection.nextEvent()) {
      if (event.type === 'transfer') {
        if (event.first) {
          event.delivery.context = { link: event.delivery.link.name, pieces: [], last: false };
          deliveries.push(event.delivery.context as (typeof deliveries)[0]);
        }
        const delivery = event.delivery.context as (typeof deliveries)[0];
        delivery.pieces.push(event.payload);
        delivery.last = event.last;
      } else others.push('link' in event ? `${event.type} ${event.link.role} ${event.link.name}` : event.type);
      if (event.type === 'attach') event.link.accept({ credit: 250 });
    }
    connection.transmit(1_000_000, [], 0);
  };
  const move = (octets: Buffer): void => {
    if (octets[5] !== 0 || octets.readUInt32BE(0) === 0x414d5150) return;
    const reader = new Reader(octets, 8);
    const channel = octets.readUInt16BE(6);
    const descriptor = readDescriptor(reader);
    if (descriptor === descriptors.open) connection.open();
    if (descriptor === descriptors.begin && decode.decodeBegin(reader).remoteChannel === undefined) {
      sessions.set(channel, connection.begin());
    }
    if (descriptor === descriptors.attach) {
      const attach = decode.decodeAttach(reader);
      const known = attach.role === 'sender' ? connection.senders : connection.receivers;
      if (known.has(attach.name)) return;
      if (attach.role === 'sender') sessions.get(channel)?.attachSender(attach);
      else sessions.get(channel)?.attachReceiver({ ...attach, credit: 250 });
    }
  };
  let pending: Buffer[] = [];
  const arrive = (): void => {
    const octets = Buffer.concat(pending);
    pending = [];
    for (let pos = 0; pos < octets.length; ) {
      const end = Math.min(octets.length, pos + 1 + Math.floor(random.next() * pieceSizeBytesMax));
      connection.receive(octets.subarray(pos, end), 0);
      pos = end;
      drain();
    }
  };
  for (const { from, octets } of capture.lines) {
    if (from === player) pending.push(octets);
    else {
      arrive();
      move(octets);
      drain();
    }
  }
  arrive();
  return {
    connection,
    deliveries: deliveries.map((d) => ({ ...d, pieces: Buffer.concat(d.pieces).toString('hex') })),
    others,
  };
}

describe('captured connections', () => {
  for (const capture of captures()) {
    for (const player of ['connector', 'listener'] as const) {
      it(`${capture.file} ${capture.connection}: the ${player}'s octets tell the same in any split`, () => {
        const whole = replay(capture, player, new SeededRandom(1), 1e9);
        expect(whole.connection.state).toBe('open');
        expect(whole.connection.stats.faultsIn).toBe(0);
        const sentBytes = capture.lines
          .filter((line) => line.from === player)
          .reduce((sum, line) => sum + (payloadOf(line.octets)?.length ?? 0), 0);
        expect(whole.deliveries.reduce((sum, delivery) => sum + delivery.pieces.length / 2, 0)).toBe(sentBytes);
        for (const [seed, pieceSizeBytesMax] of [
          [2, 1],
          [3, 20],
          [4, 300],
          [5, 3000],
        ] as const) {
          const split = replay(capture, player, new SeededRandom(seed), pieceSizeBytesMax);
          expect(split.deliveries).toEqual(whole.deliveries);
          expect(split.others).toEqual(whole.others);
        }
      });
    }
  }
});
