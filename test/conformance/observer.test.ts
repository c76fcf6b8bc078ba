/** Observers beside Node's own HTTP clients and servers: what they tell is what both ends did, however the octets are split. */
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { randomInt, SeededRandom } from '../../lib/random.ts';
import { type Observation, observe } from '../support/observed-exchanges.ts';

/** Two ends of a connection whose octets pass an observer in pieces. */
function observedConnection(
  seed: number,
  pieceBytesMax: number,
): { client: Duplex; server: Duplex; seen: Observation } {
  const random = new SeededRandom(seed);
  const seen = observe('auto');
  const [client, nearClient] = duplexPair();
  const [server, nearServer] = duplexPair();
  let now = 0;
  const pass = (from: Duplex, to: Duplex, tell: (bytes: Buffer, now: number) => void) => {
    from.on('data', (bytes: Buffer) => {
      for (let at = 0; at < bytes.length; ) {
        const end = at + 1 + randomInt(random, pieceBytesMax);
        tell(bytes.subarray(at, end), now++);
        at = end;
      }
      to.write(bytes);
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
  };
  pass(nearClient, nearServer, seen.client);
  pass(nearServer, nearClient, seen.server);
  // Node's agent asks these of a socket that it keeps.
  Object.assign(client, {
    setKeepAlive: () => client,
    ref: () => client,
    unref: () => client,
    setTimeout: () => client,
  });
  return { client, server, seen };
}

async function read(stream: NodeJS.ReadableStream): Promise<number> {
  let octets = 0;
  for await (const chunk of stream) octets += (chunk as Buffer).length;
  return octets;
}

describe.each([
  [1, 1],
  [2, 7],
  [3, 900],
  [4, 1e6],
])('Node over HTTP/1, seed %i, pieces of up to %i', (seed, pieceBytesMax) => {
  it('the exchanges of a kept connection', async () => {
    const { client, server, seen } = observedConnection(seed, pieceBytesMax);
    const service = http.createServer(async (request, response) => {
      const octets = await read(request);
      if (request.url === '/continue') response.writeProcessing();
      if (request.url === '/trailers') {
        response.writeHead(207, 'Many', { Trailer: 'x' });
        response.write('a'.repeat(3000));
        response.addTrailers({ x: '1' });
        response.end();
      } else if (request.url === '/nothing') response.writeHead(304).end();
      else response.writeHead(200, { 'Content-Length': octets }).end(Buffer.alloc(octets));
    });
    service.emit('connection', server);
    const agent = Object.assign(new http.Agent({ keepAlive: true, maxSockets: 1 }), { createConnection: () => client });
    const ask = async (method: string, path: string, octets: number, headers: http.OutgoingHttpHeaders = {}) => {
      const request = http.request({ method, path, agent, headers });
      request.end(Buffer.alloc(octets));
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      await read(response);
    };
    await ask('GET', '/', 0, { 'X-Forwarded-For': '192.0.2.7' });
    await ask('POST', '/length', 70_000, { 'Content-Length': 70_000 });
    await ask('POST', '/chunks', 5000, { 'Transfer-Encoding': 'chunked' });
    await ask('HEAD', '/head', 0);
    await ask('GET', '/nothing', 0);
    await ask('PUT', '/continue', 10, { Expect: '100-continue' });
    await ask('GET', '/trailers', 0);
    expect(seen.observer.gaveUp).toBeUndefined();
    expect(seen.ended.map((e) => [e.method, e.result, e.octets, e.octetsReverse, e.sourceHost ?? e.reason])).toEqual([
      ['GET', '200', 0, 0, '192.0.2.7'],
      ['POST', '200', 70_000, 70_000, 'OK'],
      ['POST', '200', 5000, 5000, 'OK'],
      ['HEAD', '200', 0, 0, 'OK'],
      ['GET', '304', 0, 0, 'Not Modified'],
      ['PUT', '200', 10, 10, 'OK'],
      ['GET', '207', 0, 3000, 'Many'],
    ]);
    expect(seen.faults).toEqual([]);
    agent.destroy();
    service.close();
  });
});

describe.each([
  [1, 1, http2.constants.PADDING_STRATEGY_NONE],
  [2, 13, http2.constants.PADDING_STRATEGY_MAX],
  [3, 1e6, http2.constants.PADDING_STRATEGY_CALLBACK],
])('Node over HTTP/2, seed %i, pieces of up to %i, padding %i', (seed, pieceBytesMax, paddingStrategy) => {
  const settings = { headerTableSize: 300, maxHeaderListSize: 200_000 };

  it('the exchanges of many streams at once', async () => {
    const { client, server, seen } = observedConnection(seed, pieceBytesMax);
    const service = http2.createServer({ paddingStrategy, settings });
    service.on('stream', async (stream, headers) => {
      const octets = await read(stream);
      if (headers[':path'] === '/trailers') {
        stream.respond({ ':status': 200 }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      } else stream.respond({ ':status': 400 + (octets % 7), 'x-large': 'v'.repeat(octets % 20_000) });
      stream.end(Buffer.alloc(octets * 2));
    });
    service.emit('connection', server);
    const session = http2.connect('http://a', { createConnection: () => client, paddingStrategy, settings });
    const ask = async (method: string, octets: number, path = '/', headers: http2.OutgoingHttpHeaders = {}) => {
      const stream = session.request({ ':method': method, ':path': path, ...headers });
      stream.end(Buffer.alloc(octets));
      await read(stream);
    };
    const sizes = [0, 1, 100, 16_000, 30_001, 65_535, 66_000];
    await Promise.all(sizes.map((octets) => ask('POST', octets)));
    await ask('PROPFIND', 3, '/trailers', { 'x-forwarded-for': '2001:db8::9, 10.0.0.1', cookie: 'c'.repeat(30_000) });
    await ask('PROPFIND', 3, '/trailers', { 'x-forwarded-for': '2001:db8::9, 10.0.0.1' });
    expect(seen.observer.gaveUp).toBeUndefined();
    const told = seen.ended.toSorted((a, b) => a.streamId! - b.streamId!);
    expect(told.map((e) => [e.method, e.result, e.octets, e.octetsReverse, e.sourceHost])).toEqual([
      ...sizes.map((octets) => ['POST', String(400 + (octets % 7)), octets, octets * 2, undefined]),
      ['PROPFIND', '200', 3, 6, '2001:db8::9'],
      ['PROPFIND', '200', 3, 6, '2001:db8::9'],
    ]);
    expect(seen.faults).toEqual([]);
    session.destroy();
    service.close();
  });

  it('values of every octet, coded by Huffman', async () => {
    const { client, server, seen } = observedConnection(seed, pieceBytesMax);
    const service = http2.createServer({ paddingStrategy });
    service.on('stream', (stream) => stream.respond({ ':status': 418 }, { endStream: true }));
    service.emit('connection', server);
    const session = http2.connect('http://a', { createConnection: () => client, paddingStrategy });
    // One octet among many that are short in that code: so the client uses it.
    const values = Array.from({ length: 224 }, (_, i) => `${'a'.repeat(60)}${String.fromCharCode(i + 32)}0`).filter(
      (value) => !/[,\x7f]/.test(value),
    );
    for (const value of values) {
      const stream = session.request({ ':method': 'X', 'x-forwarded-for': value });
      stream.resume();
      await once(stream, 'close');
    }
    expect(seen.observer.gaveUp).toBeUndefined();
    expect(seen.ended.map((e) => e.sourceHost)).toEqual(values);
    expect(new Set(seen.ended.map((e) => `${e.method} ${e.result}`))).toEqual(new Set(['X 418']));
    session.destroy();
    service.close();
  });
});
