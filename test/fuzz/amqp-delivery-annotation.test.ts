/** What of a message passes to a client that believes its annotations: whatever it is made of, and however it is cut. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amqp, type Typed } from '../../router/amqp/codec/value.ts';
import { encodeValue, Writer } from '../../router/amqp/codec/writer.ts';
import { InOrder, withDeliveryAnnotation } from '../../router/amqp/message/delivery-annotation.ts';
import { parseHead } from '../../router/amqp/message/head.ts';

const options = { seed: 20261121, numRuns: 400 };
const NAME = 'x-opt-own';
const BODIES = [0x75, 0x76];

const value: fc.Arbitrary<Typed> = fc.oneof(
  fc.constant(amqp.null()),
  fc.string({ maxLength: 400 }).map(amqp.string),
  fc.uint8Array({ maxLength: 400 }).map((octets) => amqp.binary(Buffer.from(octets))),
  fc.constant(amqp.map([[amqp.symbol(NAME), amqp.string('forged')]])),
  fc.string().map((text) => amqp.described(amqp.symbol('a:b'), amqp.list([amqp.string(text)]))),
);
const section = fc.record({ code: fc.integer({ min: 0x70, max: 0x78 }), value });
const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 });

function encode({ code, value }: { code: number; value: Typed }): Buffer {
  const writer = new Writer();
  writer.bytes(Buffer.from([0x00, 0x53, code]));
  encodeValue(writer, value);
  return writer.take();
}

/** In pieces of these sizes, over and over. */
function passed(message: Buffer, sizes: readonly number[]): Buffer {
  const order = new InOrder();
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < message.length; turn++) {
    const end = at + sizes[turn % sizes.length]!;
    pieces.push(Buffer.from(order.pass(message.subarray(at, end))));
    at = end;
  }
  return Buffer.concat(pieces);
}

describe('the order of sections', () => {
  it('lets pass what is in order, and ends where it is not', () => {
    const property = fc.property(fc.array(section, { maxLength: 8 }), cuts, (sections, sizes) => {
      let previous = 0;
      const wrong = sections.findIndex(({ code }) => {
        const isWrong = code < previous || (code === previous && !BODIES.includes(code));
        previous = code;
        return isWrong;
      });
      const expected = sections.slice(0, wrong < 0 ? sections.length : wrong).map(encode);
      expect(passed(Buffer.concat(sections.map(encode)), sizes).equals(Buffer.concat(expected))).toBe(true);
    });
    fc.assert(property, options);
  });

  it('lets pass the same of any octets however they are cut, and nothing that is not in them', () => {
    const octets = fc.tuple(
      fc.array(section, { maxLength: 4 }),
      fc.uint8Array({ maxLength: 100 }),
      fc.nat({ max: 99 }),
    );
    const property = fc.property(octets, cuts, ([sections, garbage, at], sizes) => {
      const message = Buffer.concat(sections.map(encode));
      Buffer.from(garbage).copy(message, Math.floor((message.length * at) / 100));
      const once = passed(message, [message.length + 1]);
      const cut = passed(message, sizes);
      expect(message.subarray(0, once.length).equals(once)).toBe(true);
      expect(cut.equals(once)).toBe(true);
    });
    fc.assert(property, options);
  });
});

describe('the annotation', () => {
  it("is the router's, once, in any message that is read at all", () => {
    const head = fc.array(section, { maxLength: 4 }).map((sections) => sections.sort((a, b) => a.code - b.code));
    const property = fc.property(head, (sections) => {
      const message = Buffer.concat(sections.map(encode));
      fc.pre(isRead(message));
      const read = parseHead(withDeliveryAnnotation(message, NAME, '0/A'), 'properties', true);
      const annotations = read?.deliveryAnnotations;
      const named = annotations?.type === 'map' ? annotations.value.filter(([key]) => key.value === NAME) : [];
      expect(named).toEqual([[amqp.symbol(NAME), amqp.string('0/A')]]);
    });
    fc.assert(property, options);
  });
});

function isRead(message: Buffer): boolean {
  try {
    return parseHead(message, 'properties', true) !== undefined;
  } catch {
    return false;
  }
}
