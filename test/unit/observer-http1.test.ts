/** The HTTP/1 observer by hand: what it tells of what passes (RFC 9112), and that it lets go of what it cannot follow. */
import { describe, expect, it } from 'vitest';
import {
  HEAD_BYTES_MAX,
  LINE_BYTES_MAX,
  PIPELINED_REQUEST_COUNT_MAX,
  SERVER_BYTES_HELD_MAX,
} from '../../router/observer/limits.ts';
import { guessProtocol, makeObserver } from '../../router/observer/observer.ts';
import { observe } from '../support/observed-exchanges.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';

describe('an exchange of HTTP/1', () => {
  it('has method, status, reason, lengths, latency and end', () => {
    const seen = observe('http1');
    seen.client('POST /x HTTP/1.1\r\nContent-Length: 7\r\n\r\nabc', 10);
    seen.client('defg', 12);
    expect(seen.began).toHaveLength(1);
    seen.server('HTTP/1.1 201 Created here\r\ncontent-length: 3\r\n\r\n', 15.5);
    expect(seen.ended).toHaveLength(0);
    seen.server('xyz', 20);
    expect(seen.ended).toEqual([
      {
        protocol: 'HTTP/1.1',
        method: 'POST',
        result: '201',
        reason: 'Created here',
        startedAt: 10,
        endedAt: 20,
        latencyMs: 5.5,
        octets: 7,
        octetsReverse: 3,
      },
    ]);
    expect(seen.faults).toEqual([]);
    expect(seen.observer.protocol).toBe('http1');
  });

  it('follows another on the same connection', () => {
    const seen = observe('auto');
    for (let i = 0; i < 3; i++) {
      seen.client(GET);
      seen.server(OK);
    }
    expect(seen.ended.map(({ result, octetsReverse }) => [result, octetsReverse])).toEqual([
      ['200', 5],
      ['200', 5],
      ['200', 5],
    ]);
  });

  it('is paired with its response when requests are pipelined', () => {
    const seen = observe('auto');
    seen.client('GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nDELETE /3 HTTP/1.1\r\n\r\n');
    expect(seen.began).toHaveLength(3);
    seen.server(`${OK}HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n`);
    expect(seen.ended.map(({ method, result }) => `${method} ${result}`)).toEqual([
      'GET 200',
      'HEAD 404',
      'DELETE 204',
    ]);
  });

  it.each([
    [
      'a chunked body with extensions and trailers',
      '4;a=b\r\nabcd\r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n',
      14,
    ],
    ['an empty chunked body', '0\r\n\r\n', 0],
  ])('counts %s without its framing', (_, body, octets) => {
    const seen = observe('http1');
    seen.client(`POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n${body}${GET}`);
    seen.server(`HTTP/1.1 200 OK\r\nTRANSFER-ENCODING:chunked \r\nContent-Length: 3\r\n\r\n${body}${OK}`);
    expect(seen.ended.map((exchange) => [exchange.octets, exchange.octetsReverse])).toEqual([
      [octets, octets],
      [0, 5],
    ]);
  });

  it('goes on after 100 and 103, whose arrival is the latency', () => {
    const seen = observe('http1');
    seen.client('PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n', 1);
    seen.server('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n', 3);
    seen.client('ab', 4);
    seen.server(OK, 9);
    expect(seen.ended).toMatchObject([{ result: '200', latencyMs: 2, octets: 2, endedAt: 9 }]);
  });

  it('that is answered early lasts until its request is whole', () => {
    const seen = observe('http1');
    seen.client('PUT / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab', 1);
    seen.server('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n', 2);
    expect(seen.ended).toEqual([]);
    seen.client('cd', 7);
    expect(seen.ended).toMatchObject([{ result: '413', octets: 4, endedAt: 7 }]);
  });

  it('without a length of the response lasts to the end of the connection', () => {
    const seen = observe('http1');
    seen.client('GET / HTTP/1.0\r\n\r\n', 1);
    seen.server('HTTP/1.0 200\r\n\r\nabc', 2);
    seen.server('defg', 3);
    expect(seen.ended).toEqual([]);
    seen.observer.end(8);
    expect(seen.ended).toMatchObject([
      { protocol: 'HTTP/1.0', result: '200', reason: '', octetsReverse: 7, endedAt: 8 },
    ]);
    expect(seen.observer.active).toBe(false);
    expect(seen.observer.gaveUp).toBeUndefined();
  });

  it('that is cut off ends with the connection, without a result', () => {
    const seen = observe('http1');
    seen.client('GET / HTTP/1.1\r\nHos', 1);
    seen.observer.end(2);
    expect(seen.began).toHaveLength(1);
    expect(seen.ended).toMatchObject([{ method: 'GET', endedAt: 2 }]);
    expect(seen.ended[0]?.result).toBeUndefined();
  });

  it('has the first address of the first X-Forwarded-For as its source', () => {
    const seen = observe('http1');
    seen.client('GET / HTTP/1.1\r\nX-Forwarded-For: 2001:db8::1, 10.0.0.1\r\nx-forwarded-for: 10.9.9.9\r\n\r\n');
    seen.client('GET / HTTP/1.1\r\nX-Forwarded-Fo: 1\r\n\r\n');
    seen.server(OK + OK);
    expect(seen.ended.map(({ sourceHost }) => sourceHost)).toEqual(['2001:db8::1', undefined]);
  });

  it.each([
    [
      'a WebSocket',
      'GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n',
      'HTTP/1.1 101 Go\r\nUpgrade: websocket\r\n\r\n',
      '101',
    ],
    ['a tunnel', 'CONNECT h:1 HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', '200'],
  ])('that becomes %s lasts as long as it and counts its octets', (_, request, response, result) => {
    const seen = observe('auto');
    seen.client(request, 1);
    seen.server(`${response}\x00\x01`, 2);
    seen.client('\xff\xfe\xfd', 3);
    seen.server('more', 4);
    expect(seen.ended).toEqual([]);
    seen.observer.end(9);
    expect(seen.ended).toMatchObject([{ result, octets: 3, octetsReverse: 6, endedAt: 9 }]);
  });

  it('whose upgrade is refused is an ordinary one', () => {
    const seen = observe('auto');
    seen.client('GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n');
    seen.server(OK);
    seen.client(GET);
    seen.server(OK);
    expect(seen.ended.map(({ protocol, result }) => [protocol, result])).toEqual([
      ['HTTP/1.1', '200'],
      ['HTTP/1.1', '200'],
    ]);
  });

  it('has lines with LF alone, and empty lines before it', () => {
    const seen = observe('auto');
    seen.client('\r\n\r\nGET / HTTP/1.1\nHost: a\n\n');
    seen.server('\r\nHTTP/1.1 200 OK\nContent-Length: 0\n\n');
    expect(seen.ended).toHaveLength(1);
  });

  it('may have a header beyond the limit of lines, which is passed over', () => {
    const seen = observe('http1');
    seen.client(`GET / HTTP/1.1\r\nCookie: ${'c'.repeat(LINE_BYTES_MAX)}`);
    seen.client(`${'c'.repeat(LINE_BYTES_MAX)}\r\nContent-Length: 2\r\n\r\nab`);
    seen.server(OK);
    expect(seen.ended).toMatchObject([{ result: '200', octets: 2 }]);
  });

  it('is the same however its octets are split', () => {
    const request =
      'POST /a HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: x\r\n\r\n';
    const response = `HTTP/1.1 100 Continue\r\n\r\n${OK}`;
    for (let size = 1; size < 40; size++) {
      const seen = observe('auto');
      for (let at = 0; at < request.length; at += size) seen.client(request.slice(at, at + size));
      for (let at = 0; at < response.length; at += size) seen.server(response.slice(at, at + size));
      expect(seen.ended).toMatchObject([
        { method: 'POST', result: '200', octets: 5, octetsReverse: 5, sourceHost: '1.2.3.4' },
      ]);
    }
  });
});

describe('the HTTP/1 observer gives up', () => {
  it.each([
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc'],
    ['a protocol of lines', 'EHLO mail.example.org\r\n'],
    ['a line that never ends', `GET /${'a'.repeat(LINE_BYTES_MAX)}`],
    ['a word that never ends', 'a'.repeat(40)],
    ['a head that never ends', `GET / HTTP/1.1\r\n${'Cookie: a\r\n'.repeat(HEAD_BYTES_MAX / 10)}`],
    ['another version', 'GET / HTTP/2.0\r\n\r\n'],
    ['a length that is none', 'GET / HTTP/1.1\r\nContent-Length: 1a\r\n\r\n'],
    ['two lengths', 'GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['a request in an unknown coding', 'GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n'],
    ['a chunk without a size', 'GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'],
    ['a chunk of another size', 'GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n'],
    ['requests that nobody answers', GET.repeat(PIPELINED_REQUEST_COUNT_MAX + 1)],
  ])('on %s', (_, octets) => {
    const seen = observe('auto');
    seen.client(octets, 5);
    expect(seen.observer.active).toBe(false);
    expect(seen.observer.gaveUp).toBeTypeOf('string');
    expect(seen.observer.protocol).toBeUndefined();
    expect(seen.ended).toEqual(seen.began);
    expect(seen.faults).toEqual([]);
    const told = seen.began.length;
    seen.client(GET);
    seen.server(OK);
    seen.observer.end(6);
    expect(seen.began).toHaveLength(told);
  });

  it.each([
    ['a response to nothing', '', OK],
    ['a second response', 'PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n', OK + OK],
    ['what is no response', GET, 'SSH-2.0-x\r\n'],
    ['a switch before the request is whole', 'PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n', 'HTTP/1.1 101 Go\r\n\r\n'],
  ])('on %s', (_, request, response) => {
    const seen = observe('http1');
    seen.client(request);
    seen.server(response);
    expect(seen.observer.active).toBe(false);
    expect(seen.ended).toEqual(seen.began);
  });

  it('on a first line that begins like none, without waiting for its end, in pieces of any size', () => {
    for (const pieces of [['!\x00'], ['!', '\x00'], ['!', '!', '!\x00'], ['x'.repeat(20), 'x'.repeat(13)]]) {
      for (const by of ['client', 'server'] as const) {
        const seen = observe('http1');
        seen.client(GET);
        for (const piece of pieces) seen[by](piece);
        expect(seen.observer.active, `${by} ${pieces.join('|')}`).toBe(false);
      }
    }
  });
});

describe('what an observer is made for', () => {
  it('none is none', () => {
    expect(makeObserver('none', { began: () => {}, ended: () => {} })).toBeUndefined();
  });

  it('http1 takes no HTTP/2, http2 no HTTP/1', () => {
    for (const [kind, text] of [
      ['http1', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['http2', GET],
    ] as const) {
      const seen = observe(kind);
      seen.client(text);
      expect(seen.observer.active).toBe(false);
    }
  });

  it('auto follows what TLS agreed on', () => {
    const seen = observe('auto', 'h2');
    seen.client(GET);
    expect(seen.observer.active).toBe(false);
  });

  it('auto lets go of a server that speaks first, unless it may speak HTTP/2', () => {
    const mail = observe('auto');
    mail.server('220 mail ESMTP\r\n');
    expect(mail.observer.gaveUp).toMatch('first');

    const settings = observe('auto');
    settings.server('\x00\x00');
    settings.server('\x00\x04\x00\x00\x00\x00\x00');
    expect(settings.observer.active).toBe(true);
    settings.server(Buffer.alloc(SERVER_BYTES_HELD_MAX));
    expect(settings.observer.active).toBe(false);
  });
});

describe('what a client speaks, by its first octets', () => {
  it.each([
    ['auto', GET, 'http1'],
    ['auto', 'DELETE /a/long/path', 'http1'],
    ['http1', GET, 'http1'],
    ['http2', GET, undefined],
    ['none', GET, undefined],
    ['auto', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00', 'http2'],
    ['auto', 'PRI * HT', 'http2'],
    ['http1', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00', undefined],
    ['auto', 'EHLO mail.example.org\r\n', undefined],
    ['auto', '\x16\x03\x01', undefined],
  ] as const)('%s: %j is %s', (kind, octets, protocol) => {
    expect(guessProtocol(kind, Buffer.from(octets, 'latin1'))).toBe(protocol);
  });
});
