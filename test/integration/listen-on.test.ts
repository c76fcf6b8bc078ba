/** Where a server listens that is told a name. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { listenOn } from '../../router/io/listen-on.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function start(addresses: readonly string[], host = 'here.test'): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}).end(`by ${socket.localAddress}`));
  servers.push(server);
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  await listenOn(server, { entity: 'listener here', host, port: 0, backlog: 1 }, async () => found);
  return (server.address() as AddressInfo).port;
}

async function answerAt(host: string, port: number): Promise<string> {
  const socket = connect({ host, port });
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return String(answer);
}

test('a name is listened for at each of its addresses, on one port', async () => {
  const port = await start(['127.0.0.1', '127.0.0.2', '127.0.0.1']);
  expect(await answerAt('127.0.0.1', port)).toBe('by 127.0.0.1');
  expect(await answerAt('127.0.0.2', port)).toBe('by 127.0.0.2');
});

test('the others are closed with the server', async () => {
  const port = await start(['127.0.0.1', '127.0.0.2']);
  const [server] = servers.splice(0);
  await new Promise((resolve) => server!.close(resolve));
  await expect(answerAt('127.0.0.2', port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('an address that the machine has not is passed over, unless it is the only one', async () => {
  const absent = '2001:db8::1';
  const port = await start([absent, '127.0.0.1']);
  expect(await answerAt('127.0.0.1', port)).toBe('by 127.0.0.1');
  await expect(start([absent])).rejects.toMatchObject({ code: 'SKUPRT_ROUTER_LISTEN' });
  servers.pop();
});

test('a name that cannot be found is told with the entity', async () => {
  const server = createServer();
  const target = { entity: 'listener here', host: 'nowhere.test', port: 1, backlog: 1 };
  const looking = listenOn(server, target, () => Promise.reject(new Error('not found')));
  await expect(looking).rejects.toThrow(/listener here/);
});
