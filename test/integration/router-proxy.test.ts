/** A link through an HTTP proxy: what it is asked, and what is said when it refuses. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { connect, echoServer, type Listening } from '../support/tcp.ts';

const network = new LiveNetwork();
const directory = mkdtempSync(join(tmpdir(), 'skuprt-proxy-'));
const asked: { target: string | undefined; authorization: string | undefined }[] = [];
const AUTHORIZED = `Basic ${Buffer.from('user:secret').toString('base64')}`;
let proxy: Server;
let backend: Listening;
let linkPort = 0;
let servicePort = 0;
let management: ManagementClient;

/** Lets those through who are authorized, or answers with what a misled client gets. */
function tunnel(request: IncomingMessage, client: Socket, head: Buffer): void {
  const authorization = request.headers['proxy-authorization'];
  asked.push({ target: request.url, authorization });
  client.on('error', () => {});
  if (authorization !== AUTHORIZED) {
    client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
    return;
  }
  const [host, port] = request.url!.split(':');
  const target = dial({ host, port: Number(port) }, () => {
    client.write('HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n');
    target.write(head);
    target.pipe(client).pipe(target);
  });
  target.on('error', () => client.destroy());
}

beforeAll(async () => {
  proxy = createServer().on('connect', tunnel);
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, 'secret\n');
  const east = await network.router('east');
  const west = await network.router('west');
  linkPort = await network.link(west, east);
  const { port } = proxy.address() as AddressInfo;
  west.entities.unshift([
    'proxyProfile',
    { name: 'way-out', host: '127.0.0.1', port, username: 'user', password: 'wrong' },
  ]);
  const at = west.entities.findIndex(([type]) => type === 'connector');
  west.entities[at] = ['connector', { ...west.entities[at]![1], proxyProfile: 'way-out' }];
  backend = await echoServer();
  network.offer(east, 'service', backend.port);
  servicePort = await network.publish(west, 'service');
  const amqpPort = await network.amqp(west);
  await network.start();
  management = await ManagementClient.connect(amqpPort);
});
afterAll(async () => {
  management?.close();
  await network.stop();
  await backend.close();
  proxy.close();
  rmSync(directory, { recursive: true, force: true });
});

test('a proxy that refuses is named with what it said', async () => {
  const connector = await eventually('the connector fails', async () => {
    const [shown] = await management.query('connector');
    return shown?.connectionStatus === 'FAILED' && shown;
  });
  expect(connector.connectionMsg).toMatch(
    new RegExp(`^proxy 127.0.0.1:\\d+ refused to connect to 127.0.0.1:${linkPort}: 407 Proxy Authentication Required`),
  );
});

test('with the right password, from a file, the link comes up and carries flows', async () => {
  const password = `file:${join(directory, 'password')}`;
  expect(await management.update('proxyProfile', 'way-out', { password })).toMatchObject({ status: 200 });
  await network.accepting(servicePort);
  const socket = await connect(servicePort);
  socket.write('hello');
  expect(String((await once(socket, 'data'))[0])).toBe('hello');
  socket.destroy();
  expect(asked.at(-1)).toEqual({ target: `127.0.0.1:${linkPort}`, authorization: AUTHORIZED });
});

test('the password is not shown', async () => {
  expect(JSON.stringify(await management.query('proxyProfile'))).not.toContain(directory);
});
