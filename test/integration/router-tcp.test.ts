/** TCP through two routers over mutual TLS 1.3: what a client sees is what it would see of the server. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { patternAt } from '../support/pattern.ts';
import {
  connect,
  echoServer,
  ending,
  type Listening,
  listen,
  readAll,
  receivePattern,
  reset,
  sendPattern,
  unusedPort,
} from '../support/tcp.ts';

const BULK_BYTES = 64 * 1024 * 1024;
const FLOW_COUNT = 200;

let network: LiveNetwork;
let east: LiveRouter;
let west: LiveRouter;
const ports: Record<string, number> = {};
const servers: Listening[] = [];
/** Connections of the `manual` backend by the first word of their clients. */
const arrived = new Map<string, Socket>();

beforeAll(async () => {
  network = new LiveNetwork();
  east = await network.router('east');
  west = await network.router('west');
  await network.link(west, east);
  const offer = async (address: string, server: Promise<Listening>) => {
    const listening = await server;
    servers.push(listening);
    network.offer(east, address, listening.port);
    ports[address] = await network.publish(west, address);
  };
  await offer('echo', echoServer());
  await offer(
    'manual',
    listen((socket) => {
      socket.once('data', (word) => {
        socket.pause();
        arrived.set(String(word), socket);
      });
    }),
  );
  await offer(
    'bulk',
    listen((socket) => {
      const hash = createHash('sha256');
      socket.on('data', (chunk) => hash.update(chunk));
      const ended = new Promise((resolve) => socket.on('end', resolve));
      void Promise.all([sendPattern(socket, BULK_BYTES), ended]).then(() => socket.end(hash.digest()));
    }),
  );
  network.offer(east, 'nobody', await unusedPort());
  ports.nobody = await network.publish(west, 'nobody');
  const alive = await echoServer();
  servers.push(alive);
  network.offer(east, 'half-dead', await unusedPort(), 'dead');
  network.offer(east, 'half-dead', alive.port, 'alive');
  ports['half-dead'] = await network.publish(west, 'half-dead');
  await network.start();
  for (const port of Object.values(ports)) await network.accepting(port);
});
afterAll(async () => {
  await network?.stop();
  await Promise.all(servers.map((server) => server.close()));
});

/** A client of the `manual` backend and the backend's end of its connection. */
async function joined(): Promise<{ client: Socket; server: Socket }> {
  const client = await connect(ports.manual!);
  const word = randomBytes(8).toString('hex');
  client.write(word);
  return { client, server: await eventually('the backend hears the client', () => arrived.get(word)) };
}

describe('octets', () => {
  test('64 MiB go both ways at once, each byte in its place', async () => {
    const client = await connect(ports.bulk!);
    const hash = createHash('sha256');
    const expected = createHash('sha256');
    let receivedBytes = 0;
    const tail: Buffer[] = [];
    client.on('data', (chunk: Buffer) => {
      const body = chunk.subarray(0, Math.max(0, BULK_BYTES - receivedBytes));
      hash.update(body);
      tail.push(chunk.subarray(body.length));
      receivedBytes += chunk.length;
    });
    const ended = once(client, 'end');
    await sendPattern(client, BULK_BYTES);
    client.end();
    await ended;
    for (let at = 0; at < BULK_BYTES; ) {
      const piece = patternAt(at, Math.min(64 * 1024, BULK_BYTES - at));
      expected.update(piece);
      at += piece.length;
    }
    const digest = expected.digest('hex');
    expect(hash.digest('hex')).toBe(digest);
    expect(Buffer.concat(tail).toString('hex')).toBe(digest);
  });

  test(`${FLOW_COUNT} flows at once do not mix`, async () => {
    const flow = async (): Promise<boolean> => {
      const sent = randomBytes(Math.floor(Math.random() ** 3 * 200_000));
      const socket = await connect(ports.echo!);
      socket.end(sent);
      return (await readAll(socket)).equals(sent);
    };
    const results = await Promise.all(Array.from({ length: FLOW_COUNT }, flow));
    expect(results.filter((exact) => exact)).toHaveLength(FLOW_COUNT);
  });

  test('a connection without a byte ends in order on both sides', async () => {
    const socket = await connect(ports.echo!);
    socket.end();
    expect(await readAll(socket)).toHaveLength(0);
  });

  test('a server may speak first', async () => {
    const greeting = await listen((socket) => socket.end('220 ready'));
    servers.push(greeting);
    network.offer(east, 'greeting', greeting.port);
    const port = await network.publish(west, 'greeting');
    network.rewrite(east);
    network.rewrite(west);
    await network.accepting(port);
    const client = await connect(port);
    expect(String(await readAll(client))).toBe('220 ready');
    client.end();
  });
});

describe('endings', () => {
  test("the client's FIN leaves the server's direction open", async () => {
    const { client, server } = await joined();
    client.end(patternAt(0, 1000));
    expect(await receivePattern(server)).toBe(1000);
    const answered = receivePattern(client);
    await sendPattern(server, 1_000_000);
    server.end();
    expect(await answered).toBe(1_000_000);
  });

  test("the server's FIN leaves the client's direction open", async () => {
    const { client, server } = await joined();
    server.end('bye');
    expect(String(await readAll(client))).toBe('bye');
    const taken = receivePattern(server);
    await sendPattern(client, 1_000_000);
    client.end();
    expect(await taken).toBe(1_000_000);
  });

  test("a client's RST reaches the server as RST", async () => {
    const { client, server } = await joined();
    const error = once(server, 'error');
    server.resume();
    reset(client);
    expect(((await error)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
  });

  test("a server's RST reaches the client as RST", async () => {
    const { client, server } = await joined();
    const error = once(client, 'error');
    client.resume();
    reset(server);
    expect(((await error)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
  });

  test('a backend that refuses resets the client, and the counters show it', async () => {
    const before = (await network.metrics(east))('skuprt_router_flows_refused_total');
    // The reset may come before the client has seen that it is connected.
    expect(await connect(ports.nobody!).then(ending, (error) => error.code)).toMatch(/^(reset|ECONNRESET)$/);
    expect((await network.metrics(east))('skuprt_router_flows_refused_total')).toBeGreaterThan(before);
  });

  test('a connector whose backend refuses is passed over: no client notices', async () => {
    const request = async (): Promise<string> => {
      const socket = await connect(ports['half-dead']!);
      socket.end('hello');
      return String(await readAll(socket));
    };
    for (let i = 0; i < 20; i++) expect(await request()).toBe('hello');
  });

  test('nothing is left of flows that are over', async () => {
    for (const router of [east, west]) {
      await eventually(`${router.id} has no open flow`, async () => {
        const metric = await network.metrics(router);
        return metric('skuprt_router_flows_open') === 0 && metric('skuprt_router_buffered_bytes') === 0;
      });
      const metric = await network.metrics(router);
      expect(metric('skuprt_router_flows_closed_total')).toBe(metric('skuprt_router_flows_opened_total'));
    }
  });
});
