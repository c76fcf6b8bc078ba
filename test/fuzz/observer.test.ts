/** Whatever passes a connection, its observer throws nothing, tells each exchange once, and tells the same in any split. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObserverKind } from '../../router/observer/observer.ts';
import { type Observation, observe } from '../support/observed-exchanges.ts';

const SEED = 6;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

interface Said {
  readonly by: 'client' | 'server';
  readonly octets: Buffer;
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');
/** Pieces of HTTP/1 that are mostly in order, and sometimes are not. */
const http1Piece = fc.constantFrom(
  'GET / HTTP/1.1\r\n\r\n',
  'HEAD /a HTTP/1.0\nX-Forwarded-For: 1.2.3.4, 5\n\n',
  'POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc',
  'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'CONNECT a HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab',
  'HTTP/1.1 204 No\r\n\r\n',
  'HTTP/1.1 100 Go on\r\n\r\n',
  'HTTP/1.1 101 Switch\r\nUpgrade: h2c\r\n\r\n',
  'HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n',
  'HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\nT: v\r\n\r\n',
  'HTTP/1.0 200 OK\r\n\r\n',
  'Content-Length: 99999999999999999999\r\n',
  '\r\n',
  PREFACE,
);
const frame = fc
  .record({
    type: fc.constantFrom(0, 0, 1, 1, 1, 3, 4, 5, 8, 9, 200),
    flags: fc.constantFrom(0, 1, 4, 5, 5, 8, 0x0d, 0x2d, 0xff),
    streamId: fc.constantFrom(0, 1, 1, 3, 5, 2, 0x7fffffff),
    payload: fc.oneof(
      fc.constantFrom('', '\x82', '\x83', '\x88', '\x02\x82\x00\x00', '\x48\x03200', '\xbe', '\x3f\xe1\x1f', '\x20'),
      fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets).toString('latin1')),
    ),
  })
  .map(({ type, flags, streamId, payload }) => {
    const header = Buffer.alloc(9);
    header.writeUIntBE(payload.length, 0, 3);
    header[3] = type;
    header[4] = flags;
    header.writeUInt32BE(streamId, 5);
    return Buffer.concat([header, latin1(payload)]);
  });
const garbage = fc.uint8Array({ maxLength: 60 }).map((octets) => Buffer.from(octets));
const by = fc.constantFrom('client' as const, 'server' as const);
const conversation = fc.oneof(
  fc.array(fc.record({ by, octets: fc.oneof({ weight: 9, arbitrary: http1Piece.map(latin1) }, garbage) }), {
    maxLength: 12,
  }),
  fc
    .array(fc.record({ by, octets: fc.oneof({ weight: 19, arbitrary: frame }, garbage) }), { maxLength: 20 })
    .map((said): Said[] => [{ by: 'client', octets: latin1(PREFACE) }, ...said]),
);
const kind = fc.constantFrom<ObserverKind>('auto', 'http1', 'http2');

/** What was told, without what depends on where pieces end. */
function told(seen: Observation) {
  return { began: seen.began, ended: seen.ended, gaveUp: seen.observer.gaveUp, protocol: seen.observer.protocol };
}

function play(kind: ObserverKind, said: readonly Said[], pieceBytesMax: number): Observation {
  const seen = observe(kind);
  for (const [index, { by, octets }] of said.entries()) {
    for (let at = 0; at < octets.length; at += pieceBytesMax) seen[by](octets.subarray(at, at + pieceBytesMax), index);
  }
  return seen;
}

describe('an observer under anything', () => {
  it('tells each exchange once, and ends all that began', () => {
    fc.assert(
      fc.property(kind, conversation, (kind, said) => {
        const seen = play(kind, said, 1e6);
        seen.observer.end(100);
        expect(seen.faults).toEqual([]);
        expect(new Set(seen.ended)).toEqual(new Set(seen.began));
        for (const { startedAt, endedAt, latencyMs, octets, octetsReverse } of seen.ended) {
          expect(endedAt).toBeGreaterThanOrEqual(startedAt);
          expect(latencyMs ?? 0).toBeGreaterThanOrEqual(0);
          expect(Number.isSafeInteger(octets) && octets >= 0).toBe(true);
          expect(Number.isSafeInteger(octetsReverse) && octetsReverse >= 0).toBe(true);
        }
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });

  it('tells the same in any split, as long as it follows', () => {
    let followed = 0;
    fc.assert(
      fc.property(kind, conversation, fc.integer({ min: 1, max: 20 }), (kind, said, pieceBytesMax) => {
        const whole = play(kind, said, 1e6);
        const split = play(kind, said, pieceBytesMax);
        if (whole.observer.active) {
          followed += 1;
          expect(told(split)).toEqual(told(whole));
        } else expect(split.observer.active).toBe(false);
      }),
      { seed: SEED, numRuns: 3000 },
    );
    expect(followed).toBeGreaterThan(300);
  });
});
