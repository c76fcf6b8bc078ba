/** Peers that break the rules, on every kind of listener: their connections end for the right reason, and nobody else's does. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encodeBegin, encodeOpen } from '../../router/amqp/codec/encode-performative.ts';
import { amqpHeader, frame, framesOf, transferFrame } from '../support/amqp-raw.ts';
import { Authority } from '../support/authority.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { connect, echoServer, ending, type Listening } from '../support/tcp.ts';

const network = new LiveNetwork();
let east: LiveRouter;
let echo: Listening;
let linkPort = 0;
let clientPort = 0;
let routerPort = 0;
let servicePort = 0;

beforeAll(async () => {
  east = await network.router('east');
  const west = await network.router('west');
  linkPort = await network.link(west, east);
  clientPort = await network.amqp(east, { idleTimeoutSeconds: 2 });
  routerPort = await network.amqp(east, { role: 'inter-router' });
  echo = await echoServer();
  network.offer(east, 'echo', echo.port);
  servicePort = await network.publish(west, 'echo');
  await network.start();
  await network.accepting(servicePort);
});
afterAll(async () => {
  await network.stop();
  await echo.close();
});

/** An open flow over the good link: it must live through everything. */
let flow: Awaited<ReturnType<typeof connect>>;
beforeAll(async () => {
  flow = await connect(servicePort);
});
afterEach(async () => {
  flow.write('still here');
  expect(String((await once(flow, 'data'))[0])).toBe('still here');
});
afterAll(() => flow.destroy());

/** Writes the octets and answers all that comes back until the router ends the connection, or `enough` of it has come. */
async function provoke(port: number, pieces: Buffer[], enough = (_answer: Buffer) => false): Promise<Buffer> {
  const socket = await connect(port);
  let answer = Buffer.alloc(0);
  const ended = ending(socket);
  const sufficed = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (enough(answer)) resolve();
    });
  });
  for (const piece of pieces) socket.write(piece);
  await Promise.race([ended, sufficed]);
  socket.destroy();
  return answer;
}

function conditionIn(answer: Buffer, performative = 'close'): string | undefined {
  const found = framesOf(answer).find(({ name }) => name === performative);
  return (found?.body as { error?: { condition: string } } | undefined)?.error?.condition;
}

async function counted(condition: string): Promise<number> {
  return (await network.metrics(east))(`skuprt_router_protocol_errors_total{condition="${condition}"}`);
}

const FRAMING = 'amqp:connection:framing-error';
const open = frame((writer) => encodeOpen(writer, { containerId: 'bad', maxFrameSize: 512 }));
const begin = frame((writer) => encodeBegin(writer, 0, { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 }));
const oversized = Buffer.from('7fffffff02000000', 'hex');
const garbage = Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n');

describe.each([
  ['a client listener', () => clientPort],
  ['an inter-router listener', () => routerPort],
])('%s', (_, port) => {
  test.each([
    ['a frame larger than agreed', [open, oversized], FRAMING],
    ['a frame shorter than its header', [open, Buffer.from('0000000402000000', 'hex')], FRAMING],
    ['a transfer without a session', [open, transferFrame()], 'amqp:not-allowed'],
    ['anything before open', [begin], 'amqp:illegal-state'],
  ])('%s ends the connection with its condition', async (_title, pieces, condition) => {
    const before = await counted(condition);
    expect(conditionIn(await provoke(port(), [amqpHeader, ...pieces]))).toBe(condition);
    expect(await counted(condition)).toBe(before + 1);
  });

  test('a transfer on a link that was never attached ends the session', async () => {
    const pieces = [amqpHeader, open, begin, transferFrame({ deliveryId: 0 })];
    const answer = await provoke(port(), pieces, (octets) => conditionIn(octets, 'end') !== undefined);
    expect(conditionIn(answer, 'end')).toBe('amqp:session:unattached-handle');
  });

  test('octets that are no AMQP are answered with our header, and no more', async () => {
    const answer = await provoke(port(), [garbage]);
    expect(answer.length).toBeLessThanOrEqual(8);
    expect(answer.subarray(0, 4).toString()).toMatch(/^(AMQP)?$/);
  });
});

test('a peer that stops in the middle of a frame is dropped when its time is over', async () => {
  const answer = await provoke(clientPort, [amqpHeader, open, begin.subarray(0, begin.length - 3)]);
  expect(conditionIn(answer)).toBe('amqp:resource-limit-exceeded');
});

test('octets that dribble in one by one are as good as any, and one who never gets to open is dropped', async () => {
  const port = await network.amqp(east, { initialHandshakeTimeoutSeconds: 1 });
  network.rewrite(east);
  await network.accepting(port);
  const socket = await connect(port);
  let answer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    answer = Buffer.concat([answer, chunk]);
  });
  for (const octet of Buffer.concat([amqpHeader, open])) {
    socket.write(Buffer.from([octet]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually('it is answered', () => framesOf(answer).some(({ name }) => name === 'open'));
  socket.destroy();
  const slow = await connect(port);
  const ended = ending(slow);
  slow.on('data', () => {});
  slow.on('error', () => {});
  const octets = Buffer.concat([amqpHeader, open]);
  let sentCount = 0;
  const dribble = setInterval(() => slow.write(octets.subarray(sentCount, ++sentCount)), 200);
  await ended;
  clearInterval(dribble);
  expect(sentCount).toBeLessThan(octets.length);
});

describe('the mutual TLS listener', () => {
  const attempt = async (options: object): Promise<string> => {
    const socket = connectTls({ host: '127.0.0.1', port: linkPort, rejectUnauthorized: false, ...options });
    socket.on('secureConnect', () => socket.write(amqpHeader));
    return new Promise((resolve) => {
      socket.on('data', () => resolve('answered'));
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.on('close', () => resolve('closed'));
    });
  };
  const pem = ({ certFile: cert, keyFile: key }: LiveRouter['certificates']) => ({
    cert: readFileSync(cert),
    key: readFileSync(key),
  });

  test('takes a certificate of its CA', async () => {
    expect(await attempt(pem(east.certificates))).toBe('answered');
  });

  test('refuses a client without a certificate', async () => {
    expect(await attempt({})).toBe('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
  });

  test("refuses another CA's certificate", async () => {
    const other = new Authority('another CA').issue('east');
    expect(await attempt({ cert: other.certificate, key: other.privateKey })).not.toBe('answered');
  });

  test('refuses a client that knows only TLS 1.2', async () => {
    expect(await attempt({ ...pem(east.certificates), maxVersion: 'TLSv1.2' })).not.toBe('answered');
  });

  test('ends a connection without TLS at once', async () => {
    const answer = await provoke(linkPort, [amqpHeader, open]);
    expect(answer.includes('AMQP')).toBe(false);
  });

  test('says in its log whom it refused and why', async () => {
    await eventually('a line in the log', () => network.processes.logOf('east').includes('tls handshake failed'));
  });
});

test('a router with the id of this one is refused', async () => {
  const impostor = frame((writer) => encodeOpen(writer, { containerId: 'east' }));
  expect(conditionIn(await provoke(routerPort, [amqpHeader, impostor]))).toBe('amqp:not-allowed');
});

test('connections that are over leave nothing behind', async () => {
  await eventually('only the link is left', async () => {
    const metric = await network.metrics(east);
    // The control and the data connection of the link, and the flow.
    return metric('qdr_connections_total') === 3 && metric('skuprt_router_flows_open') === 1;
  });
});
