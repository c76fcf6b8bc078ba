/** An annotation of the router's own in a message that a client wrote: whatever the message says, the router's word stands. */
import rhea from 'rhea';
import { describe, expect, it } from 'vitest';
import { amqp, type Typed } from '../../router/amqp/codec/value.ts';
import { encodeValue, Writer } from '../../router/amqp/codec/writer.ts';
import { composeMessage, type MessageParts } from '../../router/amqp/message/compose.ts';
import { InOrder, withDeliveryAnnotation } from '../../router/amqp/message/delivery-annotation.ts';
import { parseHead } from '../../router/amqp/message/head.ts';

const NAME = 'x-opt-own';
const REST: MessageParts = { messageAnnotations: amqp.map([]), properties: { to: 'there' }, body: amqp.string('text') };

function annotationsIn(message: Buffer): Typed | undefined {
  return parseHead(message, 'properties', true)?.deliveryAnnotations;
}

function section(code: number, value: Typed): Buffer {
  const writer = new Writer();
  writer.bytes(Buffer.from([0x00, 0x53, code]));
  encodeValue(writer, value);
  return writer.take();
}

const OWN = [amqp.symbol(NAME), amqp.string('0/A')] as const;

describe('the annotation', () => {
  it.each([
    ['without a header', {}],
    ['with a header', { header: { durable: true, priority: 7 } }],
  ])('is put into a message %s, whose other sections stay as they were', (_, parts) => {
    const before = composeMessage({ ...parts, ...REST });
    const after = withDeliveryAnnotation(before, NAME, '0/A');
    expect(annotationsIn(after)).toEqual(amqp.map([OWN]));
    expect(withDeliveryAnnotation(after, NAME, undefined).equals(before)).toBe(true);
  });

  it('takes the place of those of its name, in whatever type, and leaves others', () => {
    const kept = [amqp.symbol('x-opt-other'), amqp.int(3)] as const;
    const forged = [amqp.symbol(NAME), amqp.string(NAME), amqp.binary(Buffer.from(NAME))];
    const deliveryAnnotations = amqp.map([
      ...forged.map((key) => [key, amqp.string('0/B')] as const),
      kept,
      [amqp.symbol(NAME), amqp.string('0/C')],
    ]);
    const message = composeMessage({ header: { durable: false }, deliveryAnnotations, ...REST });
    expect(annotationsIn(withDeliveryAnnotation(message, NAME, '0/A'))).toEqual(amqp.map([kept, OWN]));
    expect(annotationsIn(withDeliveryAnnotation(message, NAME, undefined))).toEqual(amqp.map([kept]));
  });

  it('takes the place of a section that is no map', () => {
    const message = composeMessage({ deliveryAnnotations: amqp.list([amqp.symbol(NAME)]), ...REST });
    expect(annotationsIn(withDeliveryAnnotation(message, NAME, '0/A'))).toEqual(amqp.map([OWN]));
  });

  it('is what an ordinary client reads', () => {
    const message = rhea.message.encode({
      delivery_annotations: { [NAME]: 'forged', other: 1 },
      message_annotations: { [NAME]: 'not this one' },
      body: 'text',
    });
    const read = rhea.message.decode(withDeliveryAnnotation(message, NAME, '0/A'));
    expect(read.delivery_annotations).toEqual({ [NAME]: '0/A', other: 1 });
    expect(read.body).toBe('text');
  });

  it('is the only section of a message without any', () => {
    expect(annotationsIn(withDeliveryAnnotation(Buffer.alloc(0), NAME, '0/A'))).toEqual(amqp.map([OWN]));
  });
});

const DATA = section(0x75, amqp.binary(Buffer.alloc(300, 1)));
const FORGED = section(0x71, amqp.map([OWN]));
const VALUE = section(0x77, { type: 'described', descriptor: amqp.symbol('a:b'), value: amqp.list([amqp.int(1)]) });
const FOOTER = section(0x78, amqp.map([]));
const HEAD = composeMessage({ header: { durable: false }, ...REST, body: undefined });

/** What of a message passes in pieces of so many octets. */
function passed(message: Buffer, pieceBytes: number): Buffer {
  const order = new InOrder();
  const pieces: Buffer[] = [];
  for (let at = 0; at < message.length; at += pieceBytes) {
    pieces.push(Buffer.from(order.pass(message.subarray(at, at + pieceBytes))));
  }
  return Buffer.concat(pieces);
}

describe('a message, however it is cut,', () => {
  const sizes = [1, 2, 3, 7, 100, 1_000_000];
  const ordered: [string, Buffer[]][] = [
    ['a value', [HEAD, VALUE, FOOTER]],
    ['several data sections', [HEAD, DATA, DATA, DATA]],
    ['no body', [HEAD]],
    ['an annotation in its place', [FORGED, DATA]],
  ];
  it.each(ordered)('passes with %s', (_, sections) => {
    const message = Buffer.concat(sections);
    for (const bytes of sizes) expect([bytes, passed(message, bytes).equals(message)]).toEqual([bytes, true]);
  });

  // The last section is the wrong one.
  const wrong: [string, Buffer[]][] = [
    ['a second annotation behind the body', [FORGED, DATA, FORGED]],
    ['one behind a value', [HEAD, VALUE, FORGED]],
    ['one behind the footer', [HEAD, DATA, FOOTER, FORGED]],
    ['two values', [HEAD, VALUE, VALUE]],
    ['a descriptor by name', [HEAD, Buffer.from([0x00, 0xa3, 1, 0x61, 0x45])]],
    ['what is no section', [HEAD, DATA, Buffer.from([0x45])]],
    [
      'a value whose size never comes',
      [HEAD, Buffer.from([0x00, 0x53, 0x77, 0x00, 0xb3, 0x7f, ...Buffer.alloc(9000)])],
    ],
  ];
  it.each(wrong)('ends before %s, and nothing follows', (_, sections) => {
    const message = Buffer.concat([...sections, DATA]);
    const expected = Buffer.concat(sections.slice(0, -1));
    for (const bytes of sizes) expect([bytes, passed(message, bytes).equals(expected)]).toEqual([bytes, true]);
  });
});
