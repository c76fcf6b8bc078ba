/** Any value survives the codec; no octets make it do anything but answer or refuse. */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { AmqpDecodeError } from '../../router/amqp/codec/errors.ts';
import { valueEnd } from '../../router/amqp/codec/measure.ts';
import { decodeValue, Reader } from '../../router/amqp/codec/reader.ts';
import { amqp, type Typed } from '../../router/amqp/codec/value.ts';
import { encodeValue, Writer } from '../../router/amqp/codec/writer.ts';
import { MessageError } from '../../router/amqp/message/errors.ts';
import { parseHead } from '../../router/amqp/message/head.ts';
import { capturedFrames } from '../support/amqp-vectors.ts';

const options = { seed: 20261121, numRuns: 500 };

const scalar: fc.Arbitrary<Typed> = fc.oneof(
  fc.constant(amqp.null()),
  fc.boolean().map(amqp.boolean),
  fc.integer({ min: 0, max: 255 }).map(amqp.ubyte),
  fc.integer({ min: 0, max: 65535 }).map(amqp.ushort),
  fc.integer({ min: 0, max: 4294967295 }).map(amqp.uint),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(amqp.ulong),
  fc.integer({ min: -128, max: 127 }).map(amqp.byte),
  fc.integer({ min: -32768, max: 32767 }).map(amqp.short),
  fc.integer().map(amqp.int),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(amqp.long),
  fc.maxSafeInteger().map(amqp.timestamp),
  fc.float({ noNaN: true }).map(amqp.float),
  fc.double({ noNaN: true }).map(amqp.double),
  fc.uuid().map(amqp.uuid),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
    .map((text) => amqp.char(String.fromCodePoint(text.codePointAt(0) ?? 0))),
  fc.string({ unit: 'grapheme' }).map(amqp.string),
  fc.string({ unit: 'binary-ascii', maxLength: 300 }).map(amqp.symbol),
  fc.uint8Array({ maxLength: 300 }).map((octets) => amqp.binary(Buffer.from(octets))),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((octets): Typed => ({ type: 'decimal128', value: Buffer.from(octets) })),
);

const { value } = fc.letrec<{ value: Typed }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 6 }).map(amqp.list),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map(amqp.map),
    fc.tuple(scalar, tie('value')).map(([descriptor, body]) => amqp.described(descriptor, body)),
    fc.array(fc.integer().map(amqp.int)).map((items) => amqp.array('int', items)),
    fc.array(fc.string().map(amqp.string)).map((items) => amqp.array('string', items)),
    fc
      .array(fc.array(scalar, { maxLength: 3 }).map(amqp.list), { maxLength: 3 })
      .map((items) => amqp.array('list', items)),
  ),
}));

function encoded(typed: Typed, form: 'wide' | 'compact'): Buffer {
  const writer = new Writer(16);
  encodeValue(writer, typed, form);
  return writer.take();
}

/** Runs `decode`; anything thrown but a refusal fails the test. */
function answersOrRefuses(decode: () => unknown): void {
  try {
    decode();
  } catch (thrown) {
    if (!(thrown instanceof AmqpDecodeError) && !(thrown instanceof MessageError)) throw thrown;
  }
}

describe('values', () => {
  it('survive a round trip in both forms, and end where the measure says', () => {
    fc.assert(
      fc.property(value, fc.constantFrom('wide', 'compact'), (typed, form) => {
        const octets = encoded(typed, form);
        const reader = new Reader(octets);
        const again = decodeValue(reader);
        if (reader.remaining !== 0 || valueEnd(octets, 0) !== octets.length) return false;
        return encoded(again, form).equals(octets) && fc.stringify(again) === fc.stringify(typed);
      }),
      options,
    );
  });

  it('that are cut are refused', () => {
    fc.assert(
      fc.property(value, fc.double({ min: 0, max: 0.999, noNaN: true }), (typed, share) => {
        const octets = encoded(typed, 'wide');
        const cut = octets.subarray(0, Math.floor(octets.length * share));
        try {
          decodeValue(new Reader(cut));
          return false;
        } catch (thrown) {
          return thrown instanceof AmqpDecodeError;
        }
      }),
      options,
    );
  });

  it('are found or refused in garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        answersOrRefuses(() => decodeValue(new Reader(Buffer.from(octets))));
      }),
      { ...options, numRuns: 5000 },
    );
  });
});

describe('captured frames with octets changed', () => {
  const frames = capturedFrames();

  it('are read or refused', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...frames),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (frame, changes) => {
          const octets = Buffer.from(frame);
          for (const [at, octet] of changes) octets[8 + (at % (octets.length - 8))] = octet;
          answersOrRefuses(() => decodeValue(new Reader(octets, 8)));
          const annotationsAt = octets.indexOf(Buffer.from('0080', 'hex'));
          if (annotationsAt > 0) answersOrRefuses(() => parseHead(octets.subarray(annotationsAt), 'body', true));
        },
      ),
      { ...options, numRuns: 3000 },
    );
  });
});
