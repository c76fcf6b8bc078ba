import { describe, expect, it } from 'vitest';
import { AmqpDecodeError } from '../../router/amqp/codec/errors.ts';
import { valueEnd } from '../../router/amqp/codec/measure.ts';
import { decodeValue, Reader } from '../../router/amqp/codec/reader.ts';
import { amqp, mapGet, symbolMap, type Typed, toPlain } from '../../router/amqp/codec/value.ts';
import { encodeValue, Writer } from '../../router/amqp/codec/writer.ts';

function encoded(typed: Typed, form?: 'wide' | 'compact'): string {
  const writer = new Writer(1);
  encodeValue(writer, typed, form);
  return writer.take().toString('hex');
}

function decoded(hex: string): Typed {
  return decodeValue(new Reader(Buffer.from(hex, 'hex')));
}

describe('encodeValue', () => {
  const forms: [string, Typed, string][] = [
    ['smallint from -128 to 127', amqp.int(-128), '5480'],
    ['int beyond', amqp.int(-129), '71ffffff7f'],
    ['uint0', amqp.uint(0), '43'],
    ['smalluint to 255', amqp.uint(255), '52ff'],
    ['uint beyond', amqp.uint(4294967295), '70ffffffff'],
    ['ulong0', amqp.ulong(0), '44'],
    ['smallulong', amqp.ulong(0x53), '5353'],
    ['ulong', amqp.ulong(2n ** 64n - 1n), '80ffffffffffffffff'],
    ['smalllong', amqp.long(-1), '55ff'],
    ['long', amqp.long(-129), '81ffffffffffffff7f'],
    ['str8', amqp.string('é'), 'a102c3a9'],
    ['sym8', amqp.symbol('ab'), 'a3026162'],
    ['str32 from 256 octets on', amqp.string('x'.repeat(256)), `b100000100${'78'.repeat(256)}`],
    ['list0', amqp.list([]), '45'],
    ['list32', amqp.list([amqp.boolean(true)]), 'd0000000050000000141'],
    ['map32, empty too', amqp.map([]), 'd10000000400000000'],
    ['array32 of sym32', amqp.symbolArray(['a']), 'f00000000a00000001b30000000161'],
    ['uuid', amqp.uuid('00112233-4455-6677-8899-aabbccddeeff'), '9800112233445566778899aabbccddeeff'],
    ['described', amqp.described(amqp.ulong(0x24), amqp.list([])), '00532445'],
    ['timestamp', amqp.timestamp(1), '830000000000000001'],
    ['char', amqp.char('😀'), '730001f600'],
  ];
  for (const [title, typed, hex] of forms) {
    it(title, () => {
      expect(encoded(typed)).toBe(hex);
      expect(decoded(hex)).toEqual(typed);
    });
  }

  it('takes 8-bit lists and maps in performatives, as long as they fit', () => {
    expect(encoded(amqp.list([amqp.boolean(true)]), 'compact')).toBe('c0020141');
    expect(encoded(amqp.list([amqp.string('x'.repeat(252))]), 'compact')).toMatch(/^c0ff01/);
    expect(encoded(amqp.list([amqp.string('x'.repeat(253))]), 'compact')).toMatch(/^d0/);
  });
});

describe('decodeValue', () => {
  it('keeps 64-bit integers exact: a number when safe, a bigint beyond', () => {
    expect(decoded('80001fffffffffffff').value).toBe(Number.MAX_SAFE_INTEGER);
    expect(decoded('800020000000000000').value).toBe(2n ** 53n);
    expect(decoded('818000000000000000').value).toBe(-(2n ** 63n));
  });

  const broken: [string, string][] = [
    ['nothing', ''],
    ['a cut integer', '7000'],
    ['a string longer than its octets', 'a105616263'],
    ['a list longer than its octets', 'd0ffffffff00000001'],
    ['a list with more items than octets', 'd000000005ffffffff41'],
    ['a list with octets left over', 'd0000000060000000141ff'],
    ['a map with an odd count', 'd1000000050000000141'],
    ['an array of a billion nulls', 'f0000000053b9aca0040'],
    ['an unknown constructor', '3f'],
    ['a boolean of 2', '5602'],
    ['text that is not UTF-8', 'a101ff'],
    ['a char beyond Unicode', '7300110000'],
    ['lists nested a thousand deep', 'c0ff01'.repeat(1000)],
    ['descriptors nested a thousand deep', '00'.repeat(1000)],
  ];
  for (const [title, hex] of broken) {
    it(`refuses ${title}`, () => {
      expect(() => decoded(hex)).toThrow(AmqpDecodeError);
    });
  }
});

describe('valueEnd', () => {
  it('agrees with the decoder, and is beyond the octets while a value is cut', () => {
    for (const typed of [amqp.null(), amqp.long(5), amqp.string('abc'), amqp.list([amqp.map([]), amqp.uint(7)])]) {
      const octets = Buffer.from(encoded(amqp.described(amqp.symbol('d'), typed)), 'hex');
      expect(valueEnd(octets, 0)).toBe(octets.length);
      for (let cut = 0; cut < octets.length; cut++) {
        expect(valueEnd(octets.subarray(0, cut), 0)).toBeGreaterThan(cut);
      }
    }
  });
});

describe('toPlain', () => {
  it('drops types and descriptors', () => {
    const typed = amqp.map([
      [amqp.symbol('a'), amqp.list([amqp.int(1), amqp.described(amqp.ulong(1), amqp.string('x'))])],
      [amqp.string('b'), amqp.symbolArray(['s'])],
    ]);
    expect(toPlain(typed)).toEqual(
      new Map<string, unknown>([
        ['a', [1, 'x']],
        ['b', ['s']],
      ]),
    );
  });
});

describe('mapGet', () => {
  it('finds symbol and string keys alike', () => {
    expect(mapGet(symbolMap({ a: amqp.int(1) }), 'a')).toEqual(amqp.int(1));
    expect(mapGet(amqp.map([[amqp.string('a'), amqp.int(2)]]), 'a')).toEqual(amqp.int(2));
    expect(mapGet(undefined, 'a')).toBeUndefined();
  });
});

describe('Writer', () => {
  it('never writes again what was taken', () => {
    const writer = new Writer(8);
    encodeValue(writer, amqp.string('abc'));
    const taken = writer.take();
    for (let i = 0; i < 100; i++) encodeValue(writer, amqp.string('xyz'));
    expect(taken.toString('hex')).toBe('a103616263');
    expect(writer.take().length).toBe(500);
  });
});
