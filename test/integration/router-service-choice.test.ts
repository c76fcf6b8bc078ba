/** Which backend a connection reaches, with real sockets: clients that stay where they are, and addresses in tiers. */
import { once } from 'node:events';
import { connect as dial } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { connect, echoServer, type Listening, listen, unusedPort } from '../support/tcp.ts';

const EAST = 'amqp:/_topo/0/east/$management';
const CLIENTS = Array.from({ length: 24 }, (_, i) => `127.0.0.${i + 2}`);
const network = new LiveNetwork();
const backends: Listening[] = [];
let west: LiveRouter;
let management: ManagementClient;
let boundPort = 0;

/** Says its name and ends. */
async function backend(name: string): Promise<number> {
  const listening = await listen((socket) => socket.end(name));
  backends.push(listening);
  return listening.port;
}

/** The name of the backend that a client reaches. */
async function reached(port: number, localAddress = '127.0.0.1'): Promise<string> {
  const socket = dial({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true });
  socket.on('error', () => {});
  const name = await text(socket);
  socket.end();
  return name;
}

beforeAll(async () => {
  west = await network.router('west');
  const [middle, east] = [await network.router('middle'), await network.router('east')];
  await network.link(west, middle);
  await network.link(middle, east);
  for (const [router, names] of [
    [middle, ['m1']],
    [east, ['e1', 'e2']],
  ] as const) {
    for (const name of names) network.offer(router, 'bound', await backend(name), name);
  }
  for (const address of ['near', 'far', 'spare']) network.offer(east, address, await backend(address), address);
  boundPort = await network.publish(west, 'bound');
  const [type, attributes] = west.entities.pop()!;
  west.entities.push([type, { ...attributes, sessionAffinity: 'clientIP' }]);
  const port = await network.amqp(west);
  await network.start();
  management = await ManagementClient.connect(port);
  await network.accepting(boundPort);
});
afterAll(async () => {
  management?.close();
  await network.stop();
  for (const listening of backends) await listening.close();
});

describe('a listener with session affinity', () => {
  async function all(): Promise<Map<string, string>> {
    const entries = CLIENTS.map(async (client) => [client, await reached(boundPort, client)] as const);
    return new Map(await Promise.all(entries));
  }

  test('sends each client to one backend, all clients to all, and moves only those of one that goes', async () => {
    await eventually('all backends are known', async () => new Set((await all()).values()).size === 3);
    const first = await all();
    for (let round = 0; round < 5; round++) expect(await all()).toEqual(first);
    const counts = [...new Set(first.values())].map(
      (name) => [...first.values()].filter((each) => each === name).length,
    );
    expect(Math.max(...counts)).toBeLessThanOrEqual(CLIENTS.length / 2 + 4);

    await management.ask('DELETE', { type: 'tcpConnector', name: 'e1' }, {}, EAST);
    const without = await all();
    for (const [client, name] of first) {
      if (name === 'e1') expect(without.get(client)).not.toBe('e1');
      else expect([client, without.get(client)]).toEqual([client, name]);
    }
  });

  test('has none when that is changed, and the listener stays open', async () => {
    const changed = await management.update('tcpListener', 'listener-bound', { sessionAffinity: 'none' });
    expect(changed).toMatchObject({ status: 200, body: { sessionAffinity: 'none' } });
    const names = new Set<string>();
    for (let i = 0; i < 12; i++) names.add(await reached(boundPort, CLIENTS[0]));
    expect(names.size).toBe(2);
    expect(openings('listener-bound')).toBe(1);
  });
});

/** How often the listener of west has begun to listen. */
function openings(name: string): number {
  const lines = network.processes.logOf('west').split('\n');
  return lines.filter((line) => line.includes('listening for clients') && line.includes(`"${name}"`)).length;
}

async function operStatus(name: string): Promise<unknown> {
  return (await management.query('tcpListener')).find((each) => each.name === name)?.operStatus;
}

test('addresses in tiers: what is reached follows what can be reached, and each change at once', async () => {
  const port = await unusedPort();
  const tiers = { name: 'tiers', host: '127.0.0.1', port, multiAddressStrategy: 'priority' };
  const address = (name: string, value: number, weight?: number) =>
    management.ask(
      'CREATE',
      { type: 'listenerAddress', name: `tiers-${name}` },
      { listener: 'tiers', address: name, value, weight },
    );
  expect(await management.ask('CREATE', { type: 'tcpListener', name: 'tiers' }, tiers)).toMatchObject({ status: 201 });
  expect(await operStatus('tiers')).toBe('down');
  for (const [name, value, weight] of [
    ['near', 2, 3],
    ['far', 2],
    ['spare', 1],
  ] as const) {
    expect(await address(name, value, weight)).toMatchObject({ status: 201, body: { value } });
  }
  await network.accepting(port);
  expect(await operStatus('tiers')).toBe('up');
  const names: string[] = [];
  for (let i = 0; i < 80; i++) names.push(await reached(port));
  const near = names.filter((name) => name === 'near').length;
  expect(near).toBeGreaterThan(40);
  expect(near).toBeLessThan(78);
  expect(new Set(names)).toEqual(new Set(['near', 'far']));

  expect(await management.update('listenerAddress', 'tiers-spare', { value: 3, weight: 7 })).toMatchObject({
    status: 200,
    body: { value: 3, weight: 7 },
  });
  expect(await reached(port)).toBe('spare');
  expect(await management.update('listenerAddress', 'tiers-spare', { value: 1 })).toMatchObject({ status: 200 });
  expect(['near', 'far']).toContain(await reached(port));
  expect(openings('tiers')).toBe(1);

  const gone = async (name: string): Promise<void> => {
    await management.ask('DELETE', { type: 'tcpConnector', name }, {}, EAST);
  };
  await gone('near');
  await gone('far');
  await eventually('the next tier is reached', async () => (await reached(port).catch(() => '')) === 'spare');
  await gone('spare');
  await network.accepting(port, false);
  expect(await operStatus('tiers')).toBe('down');
  const again = await echoServer();
  backends.push(again);
  const connector = { host: '127.0.0.1', port: again.port, address: 'far' };
  await management.ask('CREATE', { type: 'tcpConnector', name: 'far' }, connector, EAST);
  await network.accepting(port);
  expect(await operStatus('tiers')).toBe('up');
  const socket = await connect(port);
  socket.write('hello');
  expect(String((await once(socket, 'data'))[0])).toBe('hello');
  socket.destroy();
});
