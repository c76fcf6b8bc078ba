/** Edge routers joined among themselves, as processes over mutual TLS, and a router that stands alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { RheaClient } from '../support/rhea-client.ts';
import { type Entity, RouterProcesses, tcpConnectorEntity, tcpListenerEntity } from '../support/router-process.ts';
import { connect, echoServer, type Listening, readAll, unusedPort } from '../support/tcp.ts';

async function echo(port: number, text: string): Promise<string> {
  const socket = await connect(port);
  socket.end(text);
  return String(await readAll(socket));
}

let backend: Listening;
beforeAll(async () => {
  backend = await echoServer();
});
afterAll(() => backend.close());

describe('two edge routers joined to each other, at two interior routers', () => {
  const network = new LiveNetwork();
  let management: ManagementClient;
  let toWest = 0;
  let fromInside = 0;
  let westPort = 0;

  beforeAll(async () => {
    const one = await network.router('one');
    const other = await network.router('other');
    const west = await network.router('west', 'edge');
    westPort = await network.amqp(west);
    const east = await network.router('east', 'edge');
    await network.link(one, other);
    await network.link(west, one, { more: { role: 'edge' } });
    await network.link(east, other, { more: { role: 'edge' } });
    await network.link(east, west, { more: { role: 'inter-edge' } });
    network.offer(west, 'in-the-west', backend.port);
    toWest = await network.publish(east, 'in-the-west');
    fromInside = await network.publish(other, 'in-the-west');
    const port = await network.amqp(one);
    await network.start();
    management = await ManagementClient.connect(port);
    for (const entry of [toWest, fromInside]) await network.accepting(entry);
  });
  afterAll(async () => {
    management?.close();
    await network.stop();
  });

  const edge = (id: string): string => `amqp:/_edge/${id}/$management`;

  test('reach each other, and are reached from the network', async () => {
    expect([await echo(toWest, 'directly'), await echo(fromInside, 'over two')]).toEqual(['directly', 'over two']);
  });

  test('are in one mesh, as the interior routers see it', async () => {
    const meshOf = async (to?: string): Promise<unknown> =>
      (await management.query('connection', to)).find(({ role }) => role === 'edge')?.meshId;
    await eventually('both tell the same', async () => {
      const seen = [await meshOf(), await meshOf('amqp:/_topo/0/other/$management')];
      return typeof seen[0] === 'string' && seen[0] === seen[1];
    });
  });

  test('need no interior router for what one of them offers the other', async () => {
    const rows = await management.query('router.address', edge('east'));
    expect(rows.find(({ key }) => key === 'Min-the-west')).toMatchObject({ subscriberCount: 1, remoteCount: 0 });
    network.processes.kill('one');
    network.processes.kill('other');
    await eventually('the uplinks are gone', () => network.processes.logOf('east').includes('"msg":"edge link down"'));
    expect(await echo(toWest, 'still')).toBe('still');
  });

  test('show the connection and its links under their own role', async () => {
    const client = await ManagementClient.connect(westPort);
    const rows = await client.query('connection');
    expect(rows.filter(({ role }) => role === 'inter-edge')).toMatchObject([{ container: 'east', dir: 'in' }]);
    expect((await client.query('router.link')).map(({ linkType }) => linkType)).toContain('inter-edge');
    client.close();
  });
});

describe('a router that stands alone', () => {
  const processes = new RouterProcesses();
  let amqpPort = 0;
  let entry = 0;

  beforeAll(async () => {
    amqpPort = await unusedPort();
    entry = await unusedPort();
    const entities: Entity[] = [
      ['router', { mode: 'standalone', id: 'alone' }],
      ['listener', { name: 'amqp', host: '127.0.0.1', port: amqpPort, saslMechanisms: 'ANONYMOUS' }],
      tcpListenerEntity('service', entry),
      tcpConnectorEntity('service', backend.port),
    ];
    processes.startWith('ours', 'alone', JSON.stringify(entities));
  });
  afterAll(() => processes.stop());

  test('carries flows and messages, and is managed by both its addresses', async () => {
    await eventually('its service is there', async () => (await echo(entry, 'hello').catch(() => '')) === 'hello');
    const client = await RheaClient.connect(amqpPort);
    const inbox = await client.receiver({ source: 'here' });
    expect(await (await client.sender('here')).send({ body: 'x' })).toBe('accepted');
    expect((await inbox.next()).message.body).toBe('x');
    client.close();
    const management = await ManagementClient.connect(amqpPort);
    for (const to of ['$management', 'amqp:/_topo/0/alone/$management', '_local/$management']) {
      expect(await management.query('router', to)).toMatchObject([{ id: 'alone', mode: 'standalone' }]);
    }
    management.close();
  });

  test.each(['inter-router', 'edge', 'inter-edge'])('takes no listener of role %s', async (role) => {
    const management = await ManagementClient.connect(amqpPort);
    const attributes = { name: role, role, host: '127.0.0.1', port: String(await unusedPort()) };
    const answer = await management.ask('CREATE', { type: 'listener', name: role }, attributes);
    expect(answer.status).toBe(400);
    management.close();
  });
});
