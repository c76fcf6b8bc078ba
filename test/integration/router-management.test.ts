/** `$management` of a live router and of one behind it, asked by an ordinary AMQP client: what it shows and what it changes. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork } from '../support/live-network.ts';
import { type Inbox, type Outbox, RheaClient } from '../support/rhea-client.ts';
import { connect, echoServer, type Listening, readAll } from '../support/tcp.ts';

const network = new LiveNetwork();
let client: RheaClient;
let port = 0;
let farPort = 0;
let requests: Outbox;
let answers: Inbox;
let servicePort = 0;
let backend: Listening;

beforeAll(async () => {
  const east = await network.router('east');
  const west = await network.router('west');
  await network.link(west, east);
  port = await network.amqp(west);
  farPort = await network.amqp(east);
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

  test('a data connection that management closes is closed, and its connector dials again', async () => {
    const isData = ({ role, opened }: Record<string, unknown>) => role === 'inter-router-data' && opened === true;
    const data = async () => (await query('connection')).filter(isData);
    await eventually('a data connection', async () => (await data()).length === 1);
    const identity = String((await data())[0]!.identity);
    expect(await ask('UPDATE', { type: 'connection', identity }, { adminStatus: 'deleted' })).toMatchObject({
      status: 200,
    });
    await eventually('another connection', async () => {
      const [next, ...more] = await data();
      return next !== undefined && more.length === 0 && next.identity !== identity;
    });
  });

  test('a connection by which routers hear of each other cannot be closed', async () => {
    const [link] = (await query('connection')).filter(({ role }) => role === 'inter-router');
    const named = { type: 'connection', identity: String(link!.identity) };
    expect(await ask('UPDATE', named, { adminStatus: 'deleted' })).toMatchObject({ status: 403 });
    expect(await ask('READ', named)).toMatchObject({ status: 200, body: { opened: true } });
  });

  test("a client's connection that management closes is closed", async () => {
    const doomed = await RheaClient.connect(port, { container_id: 'doomed' });
    doomed.connection.on('connection_error', () => undefined);
    const gone = once(doomed.connection, 'connection_close');
    const before = await query('connection');
    const { identity } = before.find(({ container }) => container === 'doomed')!;
    const named = { type: 'connection', identity: String(identity) };
    expect(await ask('UPDATE', named, { adminStatus: 'deleted' })).toMatchObject({ status: 200 });
    await gone;
    expect((await query('connection')).map((each) => each.identity)).not.toContain(identity);
  });

  test('a TCP flow is a connection of protocol tcp, and ends as one', async () => {
    const entity = { type: 'tcpConnector', name: 'flows' };
    const attributes = { host: '127.0.0.1', port: String(backend.port), address: 'service' };
    expect(await ask('CREATE', entity, attributes, REMOTE)).toMatchObject({ status: 201 });
    await network.accepting(servicePort);
    const isFlow = ({ protocol }: Record<string, unknown>) => protocol === 'tcp';
    // Finding out whether the port accepts has made flows too.
    await eventually('no flow', async () => !(await query('connection')).some(isFlow));
    const socket = await connect(servicePort);
    socket.write('x');
    await once(socket, 'data');
    const [flow] = (await query('connection')).filter(isFlow);
    expect(flow).toMatchObject({ dir: 'in', role: 'normal', container: 'TcpAdaptor', opened: true });
    expect(flow!.host).toBe(`127.0.0.1:${socket.localPort}`);
    expect((await query('connection', REMOTE)).filter(isFlow)).toEqual([
      expect.objectContaining({ dir: 'out', host: `127.0.0.1:${backend.port}` }),
    ]);
    expect((await query('tcpConnection'))[0]).toMatchObject({ address: 'service', bytesIn: 1, bytesOut: 1 });
    const links = (await query('router.link')).filter(({ connectionId }) => connectionId === flow!.identity);
    expect(links.map(({ linkDir, owningAddr }) => [linkDir, owningAddr])).toEqual([
      ['in', 'Mservice'],
      ['out', null],
    ]);
    const reset = once(socket, 'error');
    const named = { type: 'connection', identity: String(flow!.identity) };
    expect(await ask('UPDATE', named, { adminStatus: 'deleted' })).toMatchObject({ status: 200 });
    expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' });
    await ask('DELETE', entity, {}, REMOTE);
  });
});

describe('what runs', () => {
  test('links are shown with what they carried, those between routers by their priority', async () => {
    const links = await query('router.link');
    const of = (type: string, dir: string) =>
      links.filter(({ linkType, linkDir }) => linkType === type && linkDir === dir);
    expect(of('router-control', 'out')).toEqual([
      expect.objectContaining({ owningAddr: 'Lqdhello', priority: 9, operStatus: 'up' }),
    ]);
    for (const dir of ['in', 'out']) {
      const priorities = of('inter-router', dir).map(({ priority }) => priority);
      for (let priority = 0; priority < 10; priority++) expect(priorities).toContain(priority);
    }
    const replies = of('endpoint', 'out').find(({ owningAddr }) => String(owningAddr).startsWith('Ltemp.'))!;
    expect(Number(replies.deliveryCount)).toBeGreaterThan(0);
    expect(replies.presettledCount).toBe(replies.deliveryCount);
    expect(new Set(links.map(({ identity }) => identity)).size).toBe(links.length);
  });

  test('what a link has brought is told by the router where it began, what waits beyond by the connection', async () => {
    const histogram = async () => {
      const [link] = (await query('router.link')).filter(({ owningAddr }) => String(owningAddr).startsWith('Ltemp.'));
      return link!.ingressHistogram as number[];
    };
    const [own, other] = await histogram();
    await query('router', '_topo/0/east/$management');
    expect(await histogram()).toMatchObject({ length: 128, 0: own! + 1, 1: other! + 1 });

    const far = await RheaClient.connect(farPort);
    const inbox = await far.receiver({ source: 'waiting', autoaccept: false });
    const sender = await client.sender('waiting');
    const sent = sender.send({ body: 'x' });
    const { delivery } = await inbox.next();
    const outstanding = async () => {
      const address = (await query('router.address')).find(({ key }) => key === 'Mwaiting');
      return (address!.transitOutstanding as number[]).reduce((sum, count) => sum + count, 0);
    };
    expect(await outstanding()).toBe(1);
    delivery.accept();
    await sent;
    expect(await outstanding()).toBe(0);
    far.close();
  });

  test('addresses of the router itself, of routers and of others are shown', async () => {
    const shown = new Map((await query('router.address')).map((address) => [address.key, address]));
    expect(shown.get('M$management')).toMatchObject({ inProcess: 1, subscriberCount: 0, distribution: 'closest' });
    expect(Number(shown.get('M$management')?.deliveriesToContainer)).toBeGreaterThan(0);
    expect(shown.get('Reast')).toMatchObject({ remoteCount: 1, remoteHostRouters: ['east'] });
    expect(shown.get('Tqdrouter')).toMatchObject({ remoteCount: 1, distribution: 'flood', priority: -1 });
    expect(shown.get('Mservice')).toMatchObject({ watch: true });
  });

  test('pools, policy and log counts are shown', async () => {
    for (const pool of await query('allocator')) {
      expect(Number(pool.totalAllocFromHeap)).toBeGreaterThanOrEqual(Number(pool.totalFreeToHeap));
      expect(Number(pool.typeSize)).toBeGreaterThan(0);
    }
    const [policy] = await query('policy');
    expect(Number(policy!.connectionsProcessed)).toBeGreaterThanOrEqual(Number(policy!.connectionsCurrent));
    expect(policy).toMatchObject({ connectionsDenied: 0, totalDenials: 0 });
    expect((await query('logStats')).map(({ name }) => name)).toContain('ROUTER_CORE');
    const [metrics] = await query('routerMetrics');
    expect(metrics).toMatchObject({ id: 'west', nodeCount: 1, deliveriesStuck: 0 });
    expect(metrics!.addrCount).toBe((await query('router.address')).length);
    expect(metrics!.connectionCounters).toMatchObject({ amqp: 1, tcp: 0 });
  });
});

describe('an agent', () => {
  test("is reached by a link to the other router's address alone", async () => {
    const direct = await client.sender('_topo/0/east/$management');
    const application_properties = { operation: 'QUERY', entityType: 'router' };
    const body = { attributeNames: ['id'] };
    await direct.send({ reply_to: answers.address, correlation_id: 'direct', application_properties, body });
    const { message } = await answers.next();
    expect(message).toMatchObject({ correlation_id: 'direct', body: { results: [['east']] } });
  });
});
