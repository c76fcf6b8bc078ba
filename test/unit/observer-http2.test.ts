/** The HTTP/2 observer by hand: streams, header blocks and padding (RFC 9113), the examples of HPACK (RFC 7541 appendix C), limits. */
import { describe, expect, it } from 'vitest';
import { HeaderDecoder } from '../../router/observer/hpack.ts';
import { PREFACE } from '../../router/observer/http2-reader.ts';
import { huffmanLength, huffmanText } from '../../router/observer/huffman.ts';
import { HEADER_BLOCK_BYTES_MAX, HEADER_TABLE_BYTES_MAX, STREAM_COUNT_MAX } from '../../router/observer/limits.ts';
import { observe } from '../support/observed-exchanges.ts';

const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PUSH_PROMISE = 5;
const CONTINUATION = 9;
const END_STREAM = 1;
const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 0x20;

function frame(type: number, flags: number, streamId: number, payload: string | Buffer = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const header = Buffer.alloc(9);
  header.writeUIntBE(body.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, body]);
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const GET = hex('82');
const POST = hex('83');
const OK = hex('88');
const get = (streamId: number) => frame(HEADERS, END_HEADERS | END_STREAM, streamId, GET);
const ok = (streamId: number) => frame(HEADERS, END_HEADERS | END_STREAM, streamId, OK);

/** With what both sides say first. */
function connection(kind: 'auto' | 'http2' = 'http2') {
  const seen = observe(kind);
  seen.client(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, hex('0001 00001000'))]));
  seen.server(frame(SETTINGS, 0, 0));
  return seen;
}

describe('an exchange of HTTP/2', () => {
  it('has method, status, stream, lengths, latency and end', () => {
    const seen = connection('auto');
    seen.client(frame(HEADERS, END_HEADERS, 1, POST), 10);
    expect(seen.began).toHaveLength(1);
    seen.client(Buffer.concat([frame(DATA, 0, 1, 'abc'), frame(DATA, END_STREAM, 1, 'de')]), 11);
    seen.server(frame(HEADERS, END_HEADERS, 1, OK), 12.5);
    seen.server(frame(DATA, END_STREAM, 1, 'hello'), 14);
    expect(seen.ended).toEqual([
      {
        protocol: 'HTTP/2',
        method: 'POST',
        result: '200',
        streamId: 1,
        startedAt: 10,
        endedAt: 14,
        latencyMs: 2.5,
        octets: 5,
        octetsReverse: 5,
      },
    ]);
    expect(seen.observer.protocol).toBe('http2');
  });

  it('is one a stream, in whatever order they end', () => {
    const seen = connection();
    for (const streamId of [1, 3, 5]) seen.client(get(streamId));
    for (const streamId of [5, 1, 3]) seen.server(ok(streamId));
    expect(seen.began.map(({ streamId }) => streamId)).toEqual([1, 3, 5]);
    expect(seen.ended.map(({ streamId }) => streamId)).toEqual([5, 1, 3]);
  });

  it('has its headers over several frames, with padding and priority around them', () => {
    const seen = connection();
    // :method GET, then x-forwarded-for: 10.0.0.1, 10.0.0.2 as a literal, in three pieces.
    const block = Buffer.concat([GET, hex('00 0f'), Buffer.from('x-forwarded-for\x1210.0.0.1, 10.0.0.2')]);
    const padded = Buffer.concat([hex('03 00000000 10'), block.subarray(0, 5), Buffer.alloc(3)]);
    seen.client(frame(HEADERS, END_STREAM | PADDED | PRIORITY, 1, padded));
    seen.client(frame(CONTINUATION, 0, 1, block.subarray(5, 20)));
    seen.client(frame(CONTINUATION, END_HEADERS, 1, block.subarray(20)));
    seen.server(frame(HEADERS, PADDED | END_HEADERS, 1, Buffer.concat([hex('02'), OK, Buffer.alloc(2)])));
    seen.server(frame(DATA, PADDED | END_STREAM, 1, '\x04abcd\x00\x00\x00\x00'));
    expect(seen.ended).toMatchObject([{ method: 'GET', sourceHost: '10.0.0.1', result: '200', octetsReverse: 4 }]);
  });

  it('goes on after interim responses and ends with trailers', () => {
    const seen = connection();
    seen.client(frame(HEADERS, END_HEADERS, 1, POST), 1);
    seen.server(frame(HEADERS, END_HEADERS, 1, Buffer.concat([hex('08 03'), Buffer.from('103')])), 2);
    seen.client(frame(DATA, 0, 1, 'ab'), 3);
    seen.client(frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([hex('00 01'), Buffer.from('t\x01x')])), 4);
    seen.server(frame(HEADERS, END_HEADERS, 1, OK), 5);
    seen.server(frame(DATA, 0, 1, 'abc'), 6);
    expect(seen.ended).toEqual([]);
    seen.server(frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([hex('00 01'), Buffer.from('t\x01x')])), 7);
    expect(seen.ended).toMatchObject([
      { method: 'POST', result: '200', latencyMs: 1, octets: 2, octetsReverse: 3, endedAt: 7 },
    ]);
  });

  it.each(['client', 'server'] as const)('ends when the %s resets its stream, and does not begin again', (side) => {
    const seen = connection();
    seen.client(frame(HEADERS, END_HEADERS, 1, POST));
    seen[side](frame(RST_STREAM, 0, 1, hex('00000008')), 5);
    expect(seen.ended).toMatchObject([{ endedAt: 5 }]);
    seen.client(frame(DATA, END_STREAM, 1, 'late'));
    seen.client(frame(HEADERS, END_HEADERS | END_STREAM, 1, OK));
    seen.server(ok(1));
    expect(seen.began).toHaveLength(1);
    expect(seen.observer.active).toBe(true);
  });

  it('is not made of what a server pushes, whose headers are read for the table', () => {
    const seen = connection();
    seen.client(get(1));
    // Puts :status 418 into the table, which the response then takes from there.
    seen.server(frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([hex('00000002 48 03'), Buffer.from('418')])));
    seen.server(ok(2));
    seen.server(frame(HEADERS, END_HEADERS | END_STREAM, 1, hex('be')));
    expect(seen.ended.map(({ streamId, result }) => [streamId, result])).toEqual([[1, '418']]);
  });

  it('that is open at the end of the connection ends with it', () => {
    const seen = connection();
    seen.client(get(1));
    seen.client(get(3));
    seen.observer.end(9);
    expect(seen.ended.map(({ endedAt }) => endedAt)).toEqual([9, 9]);
    expect(seen.faults).toEqual([]);
  });

  it('is the same however its octets are split', () => {
    const client = Buffer.concat([
      PREFACE,
      frame(HEADERS, PADDED, 1, Buffer.concat([hex('02'), POST, Buffer.alloc(2)])),
      frame(CONTINUATION, END_HEADERS, 1, hex('40 0a 637573746f6d2d6b6579 0d 637573746f6d2d686561646572')),
      frame(DATA, PADDED | END_STREAM, 1, '\x03abcde\x00\x00\x00'),
    ]);
    const server = Buffer.concat([frame(SETTINGS, 0, 0), frame(HEADERS, END_HEADERS, 1, OK), frame(DATA, 1, 1, 'xyz')]);
    for (let size = 1; size < 30; size++) {
      const seen = observe('auto');
      seen.server(server.subarray(0, 7));
      for (let at = 0; at < client.length; at += size) seen.client(client.subarray(at, at + size));
      for (let at = 7; at < server.length; at += size) seen.server(server.subarray(at, at + size));
      expect(seen.ended, `pieces of ${size}`).toMatchObject([
        { method: 'POST', result: '200', octets: 5, octetsReverse: 3 },
      ]);
    }
  });

  it('that was upgraded from HTTP/1 goes on as stream 1', () => {
    const seen = observe('auto');
    seen.client('GET /a HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n', 1);
    const switching = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    seen.server(Buffer.concat([switching, frame(SETTINGS, 0, 0), frame(HEADERS, END_HEADERS, 1, OK)]), 3);
    seen.client(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0), get(3)]), 4);
    seen.server(Buffer.concat([frame(DATA, END_STREAM, 1, 'hi'), ok(3)]), 5);
    expect(seen.ended).toMatchObject([
      { protocol: 'HTTP/2', method: 'GET', result: '200', streamId: 1, latencyMs: 2, octetsReverse: 2 },
      { protocol: 'HTTP/2', method: 'GET', result: '200', streamId: 3 },
    ]);
    expect(seen.observer.protocol).toBe('http2');
    expect(seen.faults).toEqual([]);
  });
});

describe('the HTTP/2 observer gives up', () => {
  const open = frame(HEADERS, 0, 1, POST);
  it.each([
    ['on a header block that is not continued', Buffer.concat([open, frame(DATA, 0, 1, 'a')])],
    ['on a header block continued on another stream', Buffer.concat([open, frame(CONTINUATION, END_HEADERS, 3, '')])],
    ['on a continuation of nothing', frame(CONTINUATION, END_HEADERS, 1, POST)],
    ['on headers of no stream', frame(HEADERS, END_HEADERS, 0, POST)],
    ['on a frame that is all padding', frame(DATA, PADDED, 1, '\x05abcd')],
    ['on a frame too short for its padding', frame(DATA, PADDED, 1)],
    ['on headers too short for their priority', frame(HEADERS, END_HEADERS | PRIORITY, 1, 'abc')],
    ['on a promise of a client', frame(PUSH_PROMISE, END_HEADERS, 1, hex('00000002 82'))],
    ['on an index of nothing', frame(HEADERS, END_HEADERS, 1, hex('ff20'))],
    ['on index 0', frame(HEADERS, END_HEADERS, 1, hex('80'))],
    ['on a string beyond its block', frame(HEADERS, END_HEADERS, 1, hex('00 05 6162'))],
    ['on a number without end', frame(HEADERS, END_HEADERS, 1, hex('ff ff ff ff ff ff ff 01'))],
    ['on a number that is cut off', frame(HEADERS, END_HEADERS, 1, hex('ff 80'))],
    ['on a string that has no Huffman code', frame(HEADERS, END_HEADERS, 1, hex('00 84 ffffffff 00'))],
    ['on a table beyond the limit', frame(HEADERS, END_HEADERS, 1, hex('3f e1 ff ff 7f'))],
    [
      'on a header block beyond the limit',
      Buffer.concat([
        open,
        ...Array.from({ length: 1 + HEADER_BLOCK_BYTES_MAX / 16384 }, () =>
          frame(CONTINUATION, 0, 1, Buffer.alloc(16384)),
        ),
      ]),
    ],
    [
      'on too many streams at once',
      Buffer.concat(Array.from({ length: STREAM_COUNT_MAX + 1 }, (_, index) => get(2 * index + 1))),
    ],
  ])('%s', (_, frames) => {
    const seen = connection();
    seen.client(frames, 5);
    expect(seen.observer.active).toBe(false);
    expect(seen.observer.gaveUp).toBeTypeOf('string');
    expect(seen.ended).toEqual(seen.began);
    expect(seen.faults).toEqual([]);
  });
});

describe('Huffman strings', () => {
  it.each([
    ['f1e3c2e5f23a6ba0ab90f4ff', 'www.example.com'],
    ['a8eb10649cbf', 'no-cache'],
    ['25a849e95bb8e8b4bf', 'custom-value'],
    ['d07abe941054d444a8200595040b8166e082a62d1bff', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    [
      '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
      'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ],
  ])('%s are read', (coded, text) => {
    const octets = hex(coded);
    expect(huffmanText(octets, 0, octets.length)).toBe(text);
    expect(huffmanLength(octets, 0, octets.length)).toBe(text.length);
  });

  it.each([
    ['ends within a code', 'f1e3c2e5f23a6ba0ab90f400'],
    ['ends with an octet that only fills up', 'a8eb10649cbfff'],
    ['has the end of strings within', 'fffffffcff'],
  ])('one that %s is refused', (_, coded) => {
    const octets = hex(coded);
    expect(huffmanLength(octets, 0, octets.length)).toBe(-1);
    expect(huffmanText(octets, 0, octets.length)).toBeUndefined();
  });
});

describe('header blocks', () => {
  const read = (blocks: readonly string[]) => {
    const decoder = new HeaderDecoder();
    return blocks.map((block) => decoder.decode(hex(block), 0, hex(block).length));
  };

  it('of requests, as in appendix C.4', () => {
    expect(
      read([
        '828684418cf1e3c2e5f23a6ba0ab90f4ff',
        '828684be5886a8eb10649cbf',
        '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
      ]),
    ).toEqual([{ method: 'GET' }, { method: 'GET' }, { method: 'GET' }]);
  });

  it('of responses, whose fields leave a table of 256 octets, as in appendix C.6', () => {
    expect(
      read([
        '3fe101 488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
        '4883640effc1c0bf',
        '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
      ]),
    ).toEqual([{ status: '302' }, { status: '307' }, { status: '200' }]);
  });

  it('keep what was put into the table, and forget the oldest', () => {
    const decoder = new HeaderDecoder();
    const put = (status: string) => Buffer.concat([hex('48 03'), Buffer.from(status)]);
    const entries = Math.floor(4096 / (7 + 3 + 32));
    for (let i = 0; i < 500; i++) decoder.decode(put(String(300 + (i % 300))), 0, 5);
    const newest = decoder.decode(hex('be'), 0, 1);
    expect(newest).toEqual({ status: '499' });
    const index = 62 + entries - 1;
    const oldest = hex(`ff ${(index - 127).toString(16).padStart(2, '0')}`);
    expect(decoder.decode(oldest, 0, 2)).toEqual({ status: String(300 + ((500 - entries) % 300)) });
    const gone = hex(`ff ${(index - 126).toString(16).padStart(2, '0')}`);
    expect(decoder.decode(gone, 0, 2)).toBeUndefined();
  });

  it('may have a table of the limit', () => {
    const size = HEADER_TABLE_BYTES_MAX - 31;
    const octets = [0x3f, (size & 0x7f) | 0x80, ((size >> 7) & 0x7f) | 0x80, size >> 14, 0x82];
    expect(new HeaderDecoder().decode(Buffer.from(octets), 0, 5)).toEqual({ method: 'GET' });
  });

  it('put a field larger than the table nowhere, which empties it', () => {
    const decoder = new HeaderDecoder();
    decoder.decode(Buffer.concat([hex('48 03'), Buffer.from('418')]), 0, 5);
    const large = Buffer.concat([hex('40 01 61 7f 81 1f'), Buffer.alloc(4096, 'v')]);
    expect(decoder.decode(large, 0, large.length)).toEqual({});
    expect(decoder.decode(hex('be'), 0, 1)).toBeUndefined();
  });
});
