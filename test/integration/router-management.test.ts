/** `$management` of a live router and of one behind it, asked by an ordinary AMQP client: what it shows and what it changes. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork } from '../support/live-network.ts';
import { type Inbox, type Outbox, RheaClient } from '../support/rhea-client.ts';
import { connect, echoServer, type Listening, readAll } from '../support/tcp.ts';

const network = new LiveNetwork();
let client: RheaClient;
let requests: Outbox;
let answers: Inbox;
let servicePort = 0;
let backend: Listening;

beforeAll(async () => {
  const east = await network.router('east');
  const west = await network.router('west');
  await network.link(west, east);
  const port = await network.amqp(west);
  servicePort = await network.publish(west, 'service');
  backend = await echoServer();
  await network.start();
  client = await RheaClient.connect(port);
  requests = await client.sender();
  answers = await client.receiver({ source: { dynamic: true, address: '' } });
  await eventually('west sees east', async () => (await query('router.node')).length === 2);
});
afterAll(async () => {
  client?.close();
  await network.stop();
  await backend.close();
});

interface Answer {
  readonly status: number;
  readonly description: string;
  readonly body: unknown;
}

let nextCorrelation = 0;

async function ask(
  operation: string,
  properties: Record<string, string>,
  body: object = {},
  to = '$management',
): Promise<Answer> {
  const correlation = nextCorrelation++;
  const application_properties = { operation, ...properties };
  await requests.send({ to, reply_to: answers.address, correlation_id: correlation, application_properties, body });
  const { message } = await answers.next();
  expect(message.correlation_id).toBe(correlation);
  const { statusCode: status, statusDescription: description } = message.application_properties!;
  return { status, description, body: message.body };
}

async function query(entityType: string, to?: string): Promise<Record<string, unknown>[]> {
  const { status, body } = await ask('QUERY', { entityType }, { attributeNames: [] }, to);
  expect(status).toBe(200);
  const { attributeNames, results } = body as { attributeNames: string[]; results: unknown[][] };
  return results.map((values) => Object.fromEntries(values.map((value, at) => [attributeNames[at]!, value])));
}

const REMOTE = 'amqp:/_topo/0/east/$management';

describe('what is shown', () => {
  test('connections, with the peer that a certificate proves', async () => {
    const links = (await query('connection')).filter(({ role }) => role === 'inter-router');
    expect(links).toEqual([
      expect.objectContaining({ container: 'east', dir: 'out', isEncrypted: true, sslProto: 'TLSv1.3', opened: true }),
    ]);
    const accepted = (await query('connection', REMOTE)).filter(({ role }) => role === 'inter-router');
    expect(accepted).toEqual([
      expect.objectContaining({
        container: 'west',
        dir: 'in',
        isAuthenticated: true,
        sasl: 'EXTERNAL',
        user: 'CN=west',
      }),
    ]);
  });

  test('routers, with the next hop and the cost of the way', async () => {
    const nodes = await query('router.node');
    expect(nodes.map(({ id }) => id).sort()).toEqual(['east', 'west']);
    expect(nodes.find(({ id }) => id === 'east')).toMatchObject({ cost: 1 });
  });

  test('one entity by its name, and 404 for one that does not exist', async () => {
    const read = await ask('READ', { type: 'tcpListener', name: 'listener-service' });
    expect(read).toMatchObject({ status: 200, body: { address: 'service', operStatus: 'down' } });
    expect(await ask('READ', { type: 'tcpListener', name: 'none' })).toMatchObject({ status: 404 });
  });

  test("the other router's entities are its own", async () => {
    expect(await query('router', REMOTE)).toEqual([expect.objectContaining({ id: 'east' })]);
    expect(await query('tcpListener', REMOTE)).toEqual([]);
  });
});

describe('what is changed', () => {
  test('a tcpConnector created at the other router serves clients at once, and not once it is deleted', async () => {
    const entity = { type: 'io.skupper.router.tcpConnector', name: 'live' };
    const attributes = { host: '127.0.0.1', port: String(backend.port), address: 'service' };
    expect(await ask('CREATE', entity, attributes, REMOTE)).toMatchObject({ status: 201, body: { name: 'live' } });
    await network.accepting(servicePort);
    const socket = await connect(servicePort);
    socket.end('hello');
    expect(String(await readAll(socket))).toBe('hello');
    expect(await ask('CREATE', entity, attributes, REMOTE)).toMatchObject({ status: 400 });

    const over = await connect(servicePort);
    over.write('x');
    await once(over, 'data');
    const reset = once(over, 'error');
    expect(await ask('DELETE', entity, {}, REMOTE)).toMatchObject({ status: 204 });
    expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' });
    await network.accepting(servicePort, false);
    expect(await ask('DELETE', entity, {}, REMOTE)).toMatchObject({ status: 404 });
  });

  test('what cannot be is refused with its reason, and nothing is changed', async () => {
    const entity = { type: 'tcpConnector', name: 'wrong' };
    const refused = await ask('CREATE', entity, { host: '127.0.0.1', port: 'no-port', colour: 'red' });
    expect(refused.status).toBe(400);
    expect(refused.description).toMatch(/port|colour|address/);
    expect(await query('tcpConnector')).toEqual([]);
    expect(await ask('FLY', {})).toMatchObject({ status: 501 });
  });

  test('a connection that management closes is closed, and its connector dials again', async () => {
    const [link] = (await query('connection')).filter(({ role }) => role === 'inter-router');
    const identity = String(link!.identity);
    expect(await ask('UPDATE', { type: 'connection', identity }, { adminStatus: 'deleted' })).toMatchObject({
      status: 200,
    });
    await eventually('another connection', async () => {
      const links = (await query('connection')).filter(({ role, opened }) => role === 'inter-router' && opened);
      return links.length === 1 && links[0]!.identity !== identity;
    });
  });
});
