/** Certificates that come late, are renewed under a higher ordinal, and are no longer valid at last: links, and flows over TLS. */
import { once } from 'node:events';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { connect, echoServer, ending, type Listening, unusedPort } from '../support/tcp.ts';

const network = new LiveNetwork();
let east: LiveRouter;
let west: LiveRouter;
let backend: Listening;
let servicePort = 0;
let management: ManagementClient;
let profile = '';

beforeAll(async () => {
  east = await network.router('east');
  west = await network.router('west');
  await network.link(west, east);
  backend = await echoServer();
  network.offer(east, 'service', backend.port);
  servicePort = await network.publish(west, 'service');
  const port = await network.amqp(west);
  profile = String(west.entities.find(([type]) => type === 'sslProfile')![1].name);
  hide(west);
  hide(east);
  await network.start();
  management = await ManagementClient.connect(port);
});
afterAll(async () => {
  management?.close();
  await network.stop();
  await backend.close();
});

/** The files of a router's certificates are not there yet. */
function hide({ id }: LiveRouter): void {
  renameSync(join(network.directory, id), join(network.directory, `${id}.hidden`));
}

function renew({ id }: LiveRouter): void {
  network.authority.write(join(network.directory, id), id);
}

async function links(): Promise<Record<string, unknown>[]> {
  const connections = await management.query('connection');
  return connections.filter(({ role, opened }) => role === 'inter-router' && opened);
}

/** New flows take the connection of this ordinal, both ways. */
async function inUse(ordinal: number): Promise<void> {
  await eventually(`the connection of ordinal ${ordinal} is in use`, async () => {
    for (const [to, other] of [
      ['$management', 'east'],
      ['amqp:/_topo/0/east/$management', 'west'],
    ] as const) {
      const node = (await management.query('router.node', to)).find(({ id }) => id === other);
      const used = (await management.query('connection', to)).find(
        ({ identity }) => identity === String(node?.routerLink),
      );
      if (used === undefined || Number(used.groupOrdinal) !== ordinal) return false;
    }
    return true;
  });
}

/** Of the profile now: 0 at first, more after a try before. */
async function ordinal(): Promise<number> {
  const found = (await management.query('sslProfile')).find(({ name }) => name === profile);
  return Number(found?.ordinal ?? 0);
}

test('a link whose certificates are not there yet comes up when they are', async () => {
  const [connector] = await management.query('connector');
  expect(connector).toMatchObject({ connectionStatus: 'FAILED' });
  expect(connector?.connectionMsg).toMatch(/caCertFile .* cannot be read/);
  mkdirSync(join(network.directory, 'east'), { recursive: true });
  renew(east);
  renew(west);
  await network.accepting(servicePort);
  expect(await links()).toEqual([expect.objectContaining({ tlsOrdinal: 0 })]);
});

test('a higher ordinal brings a new connection, and the old one stays as long as it has a flow', async () => {
  const flow = await connect(servicePort);
  flow.write('a');
  await once(flow, 'data');
  const older = await ordinal();
  const newer = older + 1;
  renew(west);
  expect(await management.update('sslProfile', profile, { ordinal: newer })).toMatchObject({ status: 200 });
  await inUse(newer);
  const next = await connect(servicePort);
  next.write('b');
  await once(next, 'data');
  expect((await links()).map(({ tlsOrdinal }) => tlsOrdinal).sort()).toEqual([older, newer]);
  flow.write('c');
  expect(String((await once(flow, 'data'))[0])).toBe('c');
  flow.end();
  expect(await ending(flow)).toBe('fin');
  await eventually('the old one is gone', async () => (await links()).length === 1);
  next.write('d');
  expect(String((await once(next, 'data'))[0])).toBe('d');
  next.destroy();
});

test('connections older than the oldest valid ordinal are closed, and no others; their flows go on by the newer', async () => {
  const old = await connect(servicePort);
  old.write('a');
  await once(old, 'data');
  const newer = (await ordinal()) + 1;
  await management.update('sslProfile', profile, { ordinal: newer });
  await inUse(newer);
  const young = await connect(servicePort);
  young.write('a');
  await once(young, 'data');
  expect(await management.update('sslProfile', profile, { oldestValidOrdinal: newer })).toMatchObject({ status: 200 });
  await eventually('the old one is gone', async () => (await links()).length === 1);
  for (const flow of [old, young]) {
    flow.write('b');
    expect(String((await once(flow, 'data'))[0])).toBe('b');
    flow.destroy();
  }
  const shown = (await management.query('sslProfile')).find(({ name }) => name === profile);
  expect(shown).toMatchObject({ ordinal: newer, oldestValidOrdinal: newer });
  expect((await links()).map(({ tlsOrdinal }) => tlsOrdinal)).toEqual([newer]);
});

test('a client of a tcpListener over TLS is told apart by the ordinal too', async () => {
  const port = await unusedPort();
  const listener = { host: '127.0.0.1', port: String(port), address: 'service', sslProfile: profile };
  expect(await management.ask('CREATE', { type: 'tcpListener', name: `secure-${port}` }, listener)).toMatchObject({
    status: 201,
  });
  await network.accepting(port);
  const client = async () => {
    const socket = connectTls({ host: '127.0.0.1', port, ca: network.authority.ca.certificate });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    const says = async (text: string): Promise<string> => {
      socket.write(text);
      return String((await once(socket, 'data'))[0]);
    };
    expect(await says('hello')).toBe('hello');
    return { socket, says };
  };
  const old = await client();
  const ended = once(old.socket, 'close');
  const newer = (await ordinal()) + 1;
  await management.update('sslProfile', profile, { ordinal: newer });
  await inUse(newer);
  const young = await client();
  await management.update('sslProfile', profile, { oldestValidOrdinal: newer });
  await ended;
  expect(await young.says('still here')).toBe('still here');
  young.socket.destroy();
});
