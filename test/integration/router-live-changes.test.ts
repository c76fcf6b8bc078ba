/** What UPDATE changes while flows go on, and links that are lost and there again. */
import { once } from 'node:events';
import { connect as dial } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { connect, echoServer, type Listening, unusedPort } from '../support/tcp.ts';

const REMOTE = 'amqp:/_topo/0/east/$management';
/** After which a connection without a word is over, unless its ends agree on less. */
const IDLE_MS = 16_000;
const network = new LiveNetwork();
let backend: Listening;
let west: LiveRouter;
let servicePort = 0;
let management: ManagementClient;
let connector = '';

beforeAll(async () => {
  const east = await network.router('east');
  west = await network.router('west');
  await network.link(west, east);
  backend = await echoServer();
  network.offer(east, 'service', backend.port);
  servicePort = await network.publish(west, 'service');
  const port = await network.amqp(west);
  connector = String(west.entities.find(([type]) => type === 'connector')![1].name);
  await network.start();
  management = await ManagementClient.connect(port);
  await network.accepting(servicePort);
});
afterAll(async () => {
  management?.close();
  await network.stop();
  await backend.close();
});

async function flow(port = servicePort): Promise<() => Promise<string>> {
  const socket = await connect(port);
  socket.on('error', () => {});
  const echo = async (): Promise<string> => {
    socket.write('hello');
    return String((await once(socket, 'data'))[0]);
  };
  await echo();
  return echo;
}

async function costTo(id: string, at?: string): Promise<unknown> {
  return (await management.query('router.node', at)).find((node) => node.id === id)?.cost;
}

test('the cost of a link, without dropping it', async () => {
  const echo = await flow();
  const [before] = (await management.query('connection')).filter(({ role }) => role === 'inter-router');
  expect(await management.update('connector', connector, { cost: 7 })).toMatchObject({ status: 200 });
  expect(await costTo('east')).toBe(7);
  const [after] = (await management.query('connection')).filter(({ role }) => role === 'inter-router');
  expect(after?.identity).toBe(before?.identity);
  expect(await echo()).toBe('hello');
});

test('metadata and the number of data connections of the router', async () => {
  const attributes = { metadata: 'site-1', dataConnectionCount: '3' };
  expect(await management.ask('UPDATE', { type: 'router', identity: 'router/west' }, attributes)).toMatchObject({
    status: 200,
    description: 'OK',
    body: attributes,
  });
  const data = async () => (await management.query('connection')).filter(({ role }) => role === 'inter-router-data');
  await eventually('there are three', async () => (await data()).length === 3);
});

test('the backend of a tcpConnector and the port of a tcpListener', async () => {
  const other = await echoServer();
  const backendAttributes = { port: String(other.port) };
  const updated = await management.ask(
    'UPDATE',
    { type: 'tcpConnector', name: 'connector-service' },
    backendAttributes,
    REMOTE,
  );
  expect(updated).toMatchObject({ status: 200 });
  const port = await unusedPort();
  expect(await management.update('tcpListener', 'listener-service', { port: String(port) })).toMatchObject({
    status: 200,
  });
  servicePort = port;
  await network.accepting(port);
  expect(await (await flow())()).toBe('hello');
  await management.ask(
    'UPDATE',
    { type: 'tcpConnector', name: 'connector-service' },
    { port: String(backend.port) },
    REMOTE,
  );
  await other.close();
});

test.each(['', '::'])('a listener on host %j takes IPv4 and IPv6', async (host) => {
  const port = await unusedPort();
  await management.ask(
    'CREATE',
    { type: 'tcpListener', name: 'both' },
    { host, port: String(port), address: 'service' },
  );
  await network.accepting(port);
  for (const target of ['127.0.0.1', '::1']) {
    const socket = dial({ host: target, port });
    await once(socket, 'connect');
    socket.destroy();
  }
  await management.ask('DELETE', { type: 'tcpListener', name: 'both' });
});

/** A new connection works from end to end. */
async function crosses(): Promise<void> {
  const attempt = async (): Promise<boolean> => {
    const socket = await connect(servicePort).catch(() => undefined);
    if (!socket) return false;
    const over = new Promise<undefined>((resolve) => {
      socket.on('error', () => resolve(undefined));
      socket.on('close', () => resolve(undefined));
    });
    socket.write('hello');
    const answer = await Promise.race([once(socket, 'data').catch(() => undefined), over, sleep(1000)]);
    socket.destroy();
    return answer !== undefined;
  };
  await eventually('a connection crosses', attempt);
}

test('a router killed again and again is linked again each time it starts', async () => {
  for (let round = 0; round < 3; round++) {
    network.processes.kill('east');
    await network.processes.ended('east');
    await network.start('east');
    await crosses();
  }
});

test('a frozen peer is missed long before the idle time of its connection ends, and not for a stall of 300 ms', async () => {
  const status = async () => (await management.query('connector'))[0]?.connectionStatus;
  await eventually('the link is up', async () => (await status()) === 'SUCCESS');
  const stall = async (ms: number): Promise<void> => {
    network.processes.signal('east', 'SIGSTOP');
    await sleep(ms);
    network.processes.signal('east', 'SIGCONT');
  };
  for (let i = 0; i < 5; i++) {
    await stall(300);
    await sleep(100);
  }
  expect(await status()).toBe('SUCCESS');
  network.processes.signal('east', 'SIGSTOP');
  try {
    await eventually('the connector says so', async () => (await status()) !== 'SUCCESS', IDLE_MS / 2);
  } finally {
    network.processes.signal('east', 'SIGCONT');
  }
  await crosses();
});
