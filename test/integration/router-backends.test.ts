/** Backends behind two routers, with real sockets: whose connections they are told to have, how they are watched, and what they are spared. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect as dial } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls, createServer as createTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeProxyHeader, parseProxyHeader } from '../../router/io/proxy-protocol.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import type { Entity } from '../support/router-process.ts';
import { type Listening, listen, readAll, receivePattern, sendPattern } from '../support/tcp.ts';

const network = new LiveNetwork();
const listening: Listening[] = [];
const servers: Server[] = [];
let near: LiveRouter;
let far: LiveRouter;
const ports: Record<string, number> = {};
const CLIENT = { host: '203.0.113.7', localHost: '198.51.100.1', port: 40_000, localPort: 443 };
const MIB = 1024 * 1024;
let isWell = true;

/** Answers with the header that the connection begins with, in words, and echoes the rest. */
function tells(socket: Socket): void {
  let bytes = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', function read(more: Buffer) {
    bytes = Buffer.concat([bytes, more]);
    const header = parseProxyHeader(bytes);
    if (header.state === 'more') return;
    socket.off('data', read);
    socket.write(header.state === 'whole' ? `${JSON.stringify(header.client ?? null)}\n` : `${header.fault}\n`);
    if (header.state === 'whole') socket.write(bytes.subarray(header.lengthBytes));
    socket.pipe(socket);
  });
}

async function backend(onSocket: (socket: Socket) => void): Promise<number> {
  const server = await listen(onSocket);
  listening.push(server);
  return server.port;
}

/** The header goes before TLS: the server takes it off, then speaks TLS on the same socket. */
async function secureBackend(): Promise<number> {
  const { certFile, keyFile } = far.certificates;
  const secure = createTls({ cert: readFileSync(certFile), key: readFileSync(keyFile), allowHalfOpen: true });
  secure.on('secureConnection', (socket) => {
    socket.write('secured\n');
    socket.pipe(socket);
  });
  return backend((socket) => {
    socket.once('data', (bytes: Buffer) => {
      const header = parseProxyHeader(bytes);
      socket.pause();
      if (header.state !== 'whole' || header.client === undefined) socket.destroy();
      else {
        socket.unshift(bytes.subarray(header.lengthBytes));
        secure.emit('connection', socket);
      }
    });
  });
}

async function httpBackend(): Promise<number> {
  const server = createHttp((request, response) => {
    response.statusCode = request.url === '/health' && !isWell ? 503 : 200;
    response.end('http');
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  near = await network.router('near');
  far = await network.router('far');
  await network.link(near, far);
  const { caFile, certFile, keyFile } = far.certificates;
  const tls = ['sslProfile', { name: 'tls', caCertFile: caFile, certFile, privateKeyFile: keyFile }] as const;
  near.entities.push(tls);
  far.entities.push(tls);
  const at = (name: string, port: number, more: Entity[1] = {}) =>
    far.entities.push(['tcpConnector', { name, address: name, host: '127.0.0.1', port, ...more }]);
  at('v1', await backend(tells), { proxyProtocol: 'v1' });
  at('v2', await backend(tells), { proxyProtocol: 'v2' });
  at('secured', await secureBackend(), { proxyProtocol: 'v2', sslProfile: 'tls', host: 'localhost' });
  const check = { healthCheck: 'http', healthCheckPath: '/health', healthCheckIntervalSeconds: 1 };
  at('http', await httpBackend(), { ...check, healthyThreshold: 1, unhealthyThreshold: 2 });
  at('few', await backend(tells), { maxConnections: 2, maxQueuedConnections: 1, proxyProtocol: 'v1' });
  at('grows', await backend(tells), { maxConnections: 1, maxQueuedConnections: 1, proxyProtocol: 'v1' });
  for (const name of ['v1', 'v2', 'secured', 'http', 'few', 'grows']) ports[name] = await network.publish(near, name);
  for (const name of ['behind', 'behind tls']) {
    ports[name] = await network.publish(near, 'v2');
    const [type, attributes] = near.entities.pop()!;
    const more: Entity[1] = name === 'behind' ? {} : { sslProfile: 'tls' };
    near.entities.push([type, { ...attributes, name, proxyProtocol: 'required', ...more }]);
  }
  await network.start();
  for (const port of Object.values(ports)) await network.accepting(port);
});
afterAll(async () => {
  await network.stop();
  for (const each of listening) await each.close();
  for (const server of servers) server.close();
});

function client(name: string): Socket {
  const socket = dial({ host: '127.0.0.1', port: ports[name]!, allowHalfOpen: true });
  socket.on('error', () => socket.destroy());
  return socket;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

async function line(socket: Socket): Promise<string> {
  let all = '';
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    all += String(piece);
    if (all.includes('\n')) return all.slice(0, all.indexOf('\n'));
  }
  return all;
}

describe('a backend that speaks the PROXY protocol', () => {
  test.each(['v1', 'v2'])('is told who the client is, at the other end of the network, %s', async (name) => {
    const socket = client(name);
    const told = JSON.parse(await line(socket));
    expect(told).toEqual({
      host: '127.0.0.1',
      localHost: '127.0.0.1',
      port: socket.localPort,
      localPort: ports[name],
    });
    const received = receivePattern(socket);
    await sendPattern(socket, 2 * MIB);
    socket.end();
    expect(await received).toBe(2 * MIB);
  });

  test('is told before TLS', async () => {
    const socket = client('secured');
    socket.end();
    expect((await readAll(socket)).toString()).toBe('secured\n');
  });
});

describe('a tcpListener behind a load balancer', () => {
  test.each(['v1', 'v2'] as const)(
    'passes on whose connection it is, whatever pieces its header comes in, %s',
    async (version) => {
      const socket = client('behind');
      const bytes = Buffer.concat([composeProxyHeader(version, CLIENT), Buffer.from('and more')]);
      for (const octet of bytes) socket.write(Buffer.from([octet]));
      socket.end();
      expect((await readAll(socket)).toString()).toBe(`${JSON.stringify(CLIENT)}\nand more`);
    },
  );

  test('takes the header off before TLS', async () => {
    const plain = client('behind tls');
    plain.write(composeProxyHeader('v2', CLIENT));
    const socket = connectTls({ socket: plain, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.end('and more');
    expect((await readAll(socket)).toString()).toBe(`${JSON.stringify(CLIENT)}\nand more`);
  });

  test('takes its own word for a load balancer that speaks for itself', async () => {
    const socket = client('behind');
    socket.write(composeProxyHeader('v2', undefined));
    const told = JSON.parse(await line(socket));
    socket.destroy();
    expect(told).toMatchObject({ host: '127.0.0.1', port: expect.any(Number) });
  });

  test('resets a connection without a header, and one that never sends it whole', async () => {
    const wrong = client('behind');
    wrong.write('GET / HTTP/1.1\r\n\r\n');
    const silent = client('behind');
    silent.write('PROXY TCP4 ');
    for (const socket of [wrong, silent]) {
      socket.resume();
      await closed(socket);
    }
    expect(network.processes.logOf('near')).toContain('it is not one of a load balancer');
  });
});

describe('a backend that is watched by HTTP', () => {
  const status = () => network.processes.logOf('far');
  test('is served while it is well, passed over when it says that it is not, and back when it is again', async () => {
    expect(await text(await fetched())).toContain('http');
    isWell = false;
    await eventually('it is found unwell', () => status().includes('backend is not well'));
    // It is the last: it is served all the same.
    expect(await text(await fetched())).toContain('http');
    isWell = true;
    await eventually('it is found well', () => status().includes('backend is reached again'));
  });

  async function fetched(): Promise<Socket> {
    const socket = client('http');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    return socket;
  }
});

test('a backend with as many connections as it may have: one more waits, the next is refused, and the place goes to who waits', async () => {
  const [first, second] = [client('few'), client('few')];
  await Promise.all([line(first), line(second)]);
  const third = client('few');
  const waited = line(third);
  // While the third is on its way, another may be before it.
  await eventually('another is refused', async () => {
    const another = client('few');
    another.resume();
    await closed(another);
    return network.processes.logOf('far').includes('as many as it may have');
  });
  first.destroy();
  expect(JSON.parse(await waited)).toMatchObject({ host: '127.0.0.1' });
  for (const socket of [second, third]) socket.destroy();
});

test('a tcpConnector that is given more places has them at once, and its connections go on', async () => {
  const at = far.entities.findIndex(([type, { name }]) => type === 'tcpConnector' && name === 'grows');
  const attributes = far.entities[at]![1];
  const places = Number(attributes.maxConnections);
  const open = Array.from({ length: places }, () => client('grows'));
  await Promise.all(open.map(line));
  const waits = client('grows');
  far.entities[at] = ['tcpConnector', { ...attributes, maxConnections: places + 1 }];
  network.rewrite(far);
  await line(waits);
  const echoed = line(open[0]!);
  open[0]!.write('and more\n');
  expect(await echoed).toBe('and more');
  for (const socket of [...open, waits]) socket.destroy();
});
