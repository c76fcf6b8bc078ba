/** Edge routers as processes, over mutual TLS: services of each at the other, management, renewed credentials. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { connect, echoServer, type Listening, readAll } from '../support/tcp.ts';

const network = new LiveNetwork();
let backend: Listening;
let west: LiveRouter;
let toEast = 0;
let toWest = 0;
let management: ManagementClient;
const WEST = 'amqp:/_edge/west/$management';

beforeAll(async () => {
  const middle = await network.router('middle');
  west = await network.router('west', 'edge');
  const east = await network.router('east', 'edge');
  for (const edge of [west, east]) await network.link(edge, middle, { more: { role: 'edge' } });
  backend = await echoServer();
  network.offer(east, 'in-the-east', backend.port);
  network.offer(west, 'in-the-west', backend.port);
  toEast = await network.publish(west, 'in-the-east');
  toWest = await network.publish(east, 'in-the-west');
  const port = await network.amqp(middle);
  await network.start();
  management = await ManagementClient.connect(port);
  for (const entry of [toEast, toWest]) await network.accepting(entry);
});
afterAll(async () => {
  management?.close();
  await network.stop();
  await backend.close();
});

async function echo(port: number, text: string): Promise<string> {
  const socket = await connect(port);
  socket.end(text);
  return String(await readAll(socket));
}

test('services of each edge are reached at the other', async () => {
  expect([await echo(toEast, 'eastwards'), await echo(toWest, 'westwards')]).toEqual(['eastwards', 'westwards']);
});

test('an edge router is managed from anywhere under its own kind of address', async () => {
  expect(await management.query('router', WEST)).toMatchObject([{ id: 'west', mode: 'edge' }]);
  expect(await management.ask('GET-MGMT-NODES', {}, {}, WEST)).toMatchObject({ body: [WEST] });
  const seen = (await management.query('connection')).filter(({ role }) => role === 'edge');
  expect(seen.map(({ container }) => container).sort()).toEqual(['east', 'west']);
});

test('its uplink is made anew once its credentials are no longer valid, and not before; what is open goes on by it', async () => {
  const [profile] = await management.query('sslProfile', WEST);
  const update = (attributes: object) =>
    management.ask('UPDATE', { type: 'sslProfile', name: String(profile?.name) }, attributes, WEST);
  const uplink = async () => (await management.query('connection', WEST)).find(({ role }) => role === 'edge');
  const flow = await connect(toEast);
  flow.on('error', () => {});
  flow.write('a');
  await once(flow, 'data');
  expect(await update({ ordinal: 1 })).toMatchObject({ status: 200 });
  flow.write('b');
  expect(String((await once(flow, 'data'))[0])).toBe('b');
  expect(await uplink()).toMatchObject({ tlsOrdinal: 0 });
  // The answer has no way back: its connection is the one that is closed.
  void update({ oldestValidOrdinal: 1 }).catch(() => {});
  // What was asked just before has no answer either.
  const soon = () => Promise.race([uplink(), sleep(500)]).catch(() => undefined);
  await eventually('the uplink is a newer one', async () => (await soon())?.tlsOrdinal === 1);
  flow.write('c');
  expect(String((await once(flow, 'data'))[0])).toBe('c');
  flow.destroy();
  await eventually('it works again', async () => (await echo(toEast, 'again').catch(() => '')) === 'again');
});
