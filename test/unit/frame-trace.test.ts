import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  encodeEmptyFrame,
  encodeFlow,
  encodeOpen,
  encodeSaslInit,
} from '../../router/amqp/codec/encode-performative.ts';
import { amqp, symbolMap } from '../../router/amqp/codec/value.ts';
import { Writer } from '../../router/amqp/codec/writer.ts';
import { FrameTrace } from '../../router/telemetry/frame-trace.ts';

function traced(...pieces: Buffer[]): string[] {
  const told: string[] = [];
  const trace = new FrameTrace({ frame: (channel, frame) => told.push(`${channel} ${frame}`) });
  for (const piece of pieces) trace.push(piece);
  return told;
}

function encoded(encode: (writer: Writer) => void): Buffer {
  const writer = new Writer();
  encode(writer);
  return writer.take();
}

const HEADER = Buffer.from('AMQP\0\x01\0\0', 'latin1');
const SASL_HEADER = Buffer.from('AMQP\x03\x01\0\0', 'latin1');
const OPEN = encoded((writer) =>
  encodeOpen(writer, {
    containerId: 'A',
    maxFrameSize: 16_384,
    offeredCapabilities: ['qd.x'],
    properties: symbolMap({ product: amqp.string('skuprt') }),
  }),
);
const OPEN_WORDS =
  '0 @open(16) [container-id="A", max-frame-size=16384, offered-capabilities=["qd.x"], properties={product="skuprt"}]';

/** A transfer of handle 1, delivery 7, with this payload. */
function transfer(payload: Buffer): Buffer {
  const performative = Buffer.from([0x00, 0x53, 0x14, 0xc0, 0x08, 0x03, 0x52, 0x01, 0x52, 0x07, 0xa0, 0x01, 0x61]);
  const header = Buffer.from([0, 0, 0, 0, 2, 0, 0, 5]);
  header.writeUInt32BE(header.length + performative.length + payload.length);
  return Buffer.concat([header, performative, payload]);
}

describe('the trace of frames', () => {
  it('names headers, performatives and their fields', () => {
    expect(traced(SASL_HEADER, HEADER, OPEN, encoded(encodeEmptyFrame))).toEqual([
      '0 SASL 1.0.0',
      '0 AMQP 1.0.0',
      OPEN_WORDS,
      '0 (EMPTY FRAME)',
    ]);
  });

  it('says how long a payload is, and nothing of it', () => {
    const [told] = traced(transfer(Buffer.from('secret')));
    expect(told).toMatch(/^5 @transfer\(20\) \[handle=1, delivery-id=7, .*\] \(6 octets\)$/);
    expect(told).not.toContain('secret');
  });

  it('says nothing of passwords', () => {
    const init = encoded((writer) =>
      encodeSaslInit(writer, { mechanism: 'PLAIN', initialResponse: Buffer.from('\0user\0secret') }),
    );
    expect(traced(init)).toEqual(['0 @sasl-init(65) [mechanism="PLAIN"]']);
  });

  it('is the same however the octets are cut', () => {
    const octets = Buffer.concat([HEADER, OPEN, transfer(Buffer.alloc(40_000)), transfer(Buffer.alloc(0)), OPEN]);
    const whole = traced(octets);
    expect(whole).toHaveLength(5);
    for (const size of [1, 7, 100, 16_384, 30_001]) {
      const pieces = Array.from({ length: Math.ceil(octets.length / size) }, (_, at) =>
        octets.subarray(at * size, (at + 1) * size),
      );
      expect(traced(...pieces)).toEqual(whole);
    }
  });

  it('goes on behind a frame that it cannot read, and ends at octets that are no frame', () => {
    const odd = Buffer.from([0, 0, 0, 12, 2, 0, 0, 1, 9, 9, 9, 9]);
    expect(traced(odd, OPEN)).toEqual(['1 a frame of 4 octets that cannot be shown', OPEN_WORDS]);
    expect(traced(Buffer.from('GET / HTTP/1.1\r\n'), OPEN)).toHaveLength(1);
  });

  it('reads every captured frame', () => {
    for (const file of ['pair.jsonl', 'edge.jsonl', 'chain.jsonl']) {
      const url = new URL(`../support/vectors/${file}`, import.meta.url);
      const frames = readFileSync(url, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => Buffer.from(JSON.parse(line).frame, 'hex'));
      const told = traced(...frames);
      expect(told).toHaveLength(frames.length);
      expect(told.filter((each) => each.includes('cannot be shown') || each.includes('no frame'))).toEqual([]);
    }
  });

  it('has a flow in few words', () => {
    const flow = encoded((writer) =>
      encodeFlow(writer, 3, { nextIncomingId: 1, incomingWindow: 2, nextOutgoingId: 3, outgoingWindow: 4 }),
    );
    expect(traced(flow)[0]).toMatch(/^3 @flow\(19\) \[next-incoming-id=1, incoming-window=2, /);
  });
});
