/** What management creates in two routers that know nothing of each other takes effect at once, and is gone when it is deleted. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Authority } from '../support/authority.ts';
import { eventually } from '../support/eventually.ts';
import { ManagementClient } from '../support/management-client.ts';
import { RheaClient } from '../support/rhea-client.ts';
import { RouterProcesses, routerConfig } from '../support/router-process.ts';
import { connect, echoServer, type Listening, readAll, unusedPort } from '../support/tcp.ts';

const HOST = '127.0.0.1';
const processes = new RouterProcesses();
const directory = mkdtempSync(join(tmpdir(), 'skuprt-management-live-'));
const ports = { east: 0, west: 0 };
let east: ManagementClient;
let west: ManagementClient;
let backend: Listening;

beforeAll(async () => {
  backend = await echoServer();
  for (const id of ['east', 'west'] as const) {
    ports[id] = await unusedPort();
    processes.startWith('ours', id, routerConfig(id, [['listener', { name: 'amqp', host: HOST, port: ports[id] }]]));
  }
  for (const port of Object.values(ports)) await eventually('it listens', () => accepts(port), 30_000);
  east = await ManagementClient.connect(ports.east);
  west = await ManagementClient.connect(ports.west);
});
afterAll(async () => {
  east?.close();
  west?.close();
  await processes.stop();
  await backend.close();
  rmSync(directory, { recursive: true, force: true });
});

async function accepts(port: number): Promise<boolean> {
  try {
    (await connect(port)).destroy();
    return true;
  } catch {
    return false;
  }
}

async function create(at: ManagementClient, type: string, name: string, attributes: object): Promise<void> {
  expect(await at.ask('CREATE', { type, name }, attributes)).toMatchObject({ status: 201, body: { name } });
}

async function remove(at: ManagementClient, type: string, name: string): Promise<void> {
  expect(await at.ask('DELETE', { type, name })).toMatchObject({ status: 204 });
}

const routersSeen = async (at: ManagementClient) => (await at.query('router.node')).length;

test('a link: profiles, a listener here and a connector there', async () => {
  const authority = new Authority('test CA');
  for (const [at, id] of [[east, 'east'] as const, [west, 'west'] as const]) {
    const { caFile, certFile, keyFile } = authority.write(join(directory, id), id);
    await create(at, 'sslProfile', 'link', { caCertFile: caFile, certFile, privateKeyFile: keyFile });
  }
  const port = await unusedPort();
  const shared = { host: HOST, port, role: 'inter-router', sslProfile: 'link', saslMechanisms: 'EXTERNAL' };
  await create(east, 'listener', 'link', { ...shared, authenticatePeer: true, requireSsl: true });
  await create(west, 'connector', 'link', shared);
  await eventually(
    'they see each other',
    async () => (await routersSeen(east)) === 2 && (await routersSeen(west)) === 2,
  );
  const [link] = (await west.query('connection')).filter(({ role }) => role === 'inter-router');
  expect(link).toMatchObject({ container: 'east', isEncrypted: true, sasl: 'EXTERNAL', tlsOrdinal: 0 });
});

test('a service: a tcpListener of several addresses here and a tcpConnector there', async () => {
  const port = await unusedPort();
  await create(west, 'tcpListener', 'service', { host: HOST, port, multiAddressStrategy: 'priority' });
  await create(west, 'listenerAddress', 'first', { listener: 'service', address: 'service/a', value: 2 });
  await create(east, 'tcpConnector', 'service', { host: HOST, port: backend.port, address: 'service/a' });
  await eventually('the port accepts', () => accepts(port));
  const socket = await connect(port);
  socket.end('hello');
  expect(String(await readAll(socket))).toBe('hello');
  const [address] = await west.query('listenerAddress');
  expect(Number(address!.connectionsOpened)).toBeGreaterThan(0);
  await remove(west, 'listenerAddress', 'first');
  await eventually('the port is closed', async () => !(await accepts(port)));
  await remove(west, 'tcpListener', 'service');
  await remove(east, 'tcpConnector', 'service');
  expect((await east.query('router.address')).map(({ key }) => key)).not.toContain('Mservice/a');
});

test('how messages of an address are spread', async () => {
  for (const at of [east, west]) await create(at, 'address', 'news', { prefix: 'news', distribution: 'multicast' });
  const clients = await Promise.all([ports.east, ports.west, ports.west].map((port) => RheaClient.connect(port)));
  const inboxes = await Promise.all(clients.map((client) => client.receiver({ source: 'news/today' })));
  await eventually('all are known', async () => {
    const shown = (await west.query('router.address')).find(({ key }) => key === 'Mnews/today');
    return shown?.distribution === 'multicast' && shown.subscriberCount === 2 && shown.remoteCount === 1;
  });
  const news = await clients[1]!.sender('news/today');
  await news.send({ body: 'dawn' });
  for (const inbox of inboxes) expect((await inbox.next()).message.body).toBe('dawn');
  for (const client of clients) client.close();
  for (const at of [east, west]) await remove(at, 'address', 'news');
});

test('the level of the log, which entries and counts follow', async () => {
  const count = async (level: string) => {
    const stats = await west.query('logStats');
    return stats.reduce((sum, module) => sum + Number(module[`${level}Count`]), 0);
  };
  const texts = async () => ((await west.ask('GET-LOG', {})).body as unknown[][]).map(([, , text]) => String(text));
  const infoCount = await count('info');
  expect(infoCount).toBeGreaterThan(0);
  expect((await texts()).some((text) => text.includes('link up'))).toBe(true);
  expect(await west.update('log', 'log/DEFAULT', { enable: 'error+' })).toMatchObject({ status: 200 });
  const [infoAtError, warningAtError] = [await count('info'), await count('warning')];
  await remove(west, 'connector', 'link');
  await eventually('the link is gone', async () => {
    return (await west.query('connection')).every(({ role }) => role === 'normal');
  });
  expect([await count('info'), await count('warning')]).toEqual([infoAtError, warningAtError]);
  expect((await texts()).some((text) => text.includes('link down'))).toBe(false);
});
