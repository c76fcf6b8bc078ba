/** Access policies at real routers: by file and by management, at either end, in force at once, and told of. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicySpec } from '../../lib/policy/types.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { connect, echoServer, type Listening, reset } from '../support/tcp.ts';
import { ask } from '../support/two-sites.ts';

const network = new LiveNetwork();
let west: LiveRouter;
let east: LiveRouter;
let echo: Listening;
let port = 0;
let atWest: ManagementClient;
let atEast: ManagementClient;

const NAME = 'ClusterAccessPolicy/closed';
const DENY: PolicySpec = { services: [{ names: ['backend'] }], rules: [{ action: 'Deny' }] };

beforeAll(async () => {
  west = await network.router('west');
  east = await network.router('east');
  echo = await echoServer();
  await network.link(west, east);
  port = await network.publish(west, 'echo');
  network.offer(east, 'echo', echo.port);
  for (const { entities } of [west, east]) {
    const at = entities.findIndex(([type]) => type === 'tcpListener' || type === 'tcpConnector');
    const [type, attributes] = entities[at]!;
    entities[at] = [
      type,
      { ...attributes, policyService: 'backend', policyNamespace: 'shop', policyLabels: 'app=web' },
    ];
  }
  const ports = [await network.amqp(west), await network.amqp(east)];
  await network.start();
  await network.accepting(port);
  atWest = await ManagementClient.connect(ports[0]!);
  atEast = await ManagementClient.connect(ports[1]!);
});
afterAll(async () => {
  atWest?.close();
  atEast?.close();
  await network.stop();
  await echo?.close();
});

async function served(): Promise<boolean> {
  try {
    return (await ask(port, 'hello')) === 'hello';
  } catch {
    return false;
  }
}

async function create(at: ManagementClient, spec: PolicySpec, name = NAME): Promise<void> {
  const { status, description } = await at.ask(
    'CREATE',
    { type: 'accessPolicy', name },
    { spec: JSON.stringify(spec) },
  );
  expect([status, description]).toEqual([201, 'Created']);
}

async function remove(at: ManagementClient, name = NAME): Promise<void> {
  expect((await at.ask('DELETE', { type: 'accessPolicy', name })).status).toBe(204);
}

async function countsOf(at: ManagementClient): Promise<Record<string, unknown>> {
  return (await at.query('accessPolicy'))[0]!;
}

describe('a policy by management', () => {
  it.each(['west', 'east'])('is in force with the next connection, at %s', async (id) => {
    const at = id === 'west' ? atWest : atEast;
    expect(await served()).toBe(true);
    await create(at, DENY);
    expect(await served()).toBe(false);
    expect(await countsOf(at)).toMatchObject({ name: NAME, connectionsRefused: 1 });
    await at.update('accessPolicy', NAME, { spec: JSON.stringify({ ...DENY, dryRun: true }) });
    expect(await served()).toBe(true);
    expect(await countsOf(at)).toMatchObject({ connectionsRefused: 1, connectionsWouldBeRefused: 1 });
    // A warning, as a refusal is: what collects events of the network takes these.
    const rehearsed = /"level":"warn".*"msg":"connection would be refused by a policy in dry run"/;
    await eventually('its log says so', () => rehearsed.test(network.processes.logOf(id)));
    await remove(at);
    expect(await served()).toBe(true);
  });

  it('is told of by both routers, with its name and why', async () => {
    await create(atEast, DENY);
    expect(await served()).toBe(false);
    const reason = `${NAME}, rule 0, denies this`;
    const log = (id: string) => network.processes.logOf(id);
    await eventually('both logs say so', () => log('west').includes(reason) && log('east').includes(reason));
    const [counted, there] = [await network.metrics(west), await network.metrics(east)];
    expect(counted('skuprt_router_policy_results_total{result="refused_elsewhere"}')).toBeGreaterThan(0);
    expect(there('skuprt_router_policy_results_total{result="refused"}')).toBeGreaterThan(0);
    expect(there(`skuprt_router_policy_decisions_total{policy="${NAME}",result="refused"}`)).toBeGreaterThan(0);
    await remove(atEast);
  });

  it('resets open connections when it says so', async () => {
    const socket = await connect(port);
    socket.write('x');
    await new Promise((resolve) => socket.once('data', resolve));
    const broken = new Promise((resolve) => socket.once('error', resolve));
    await create(atWest, { ...DENY, enforceExisting: true });
    expect(await broken).toMatchObject({ code: 'ECONNRESET' });
    await remove(atWest);
    expect(await served()).toBe(true);
  });

  it('limits how many there are at a time; who waits comes in when one leaves', async () => {
    const limits = { concurrentConnections: 1, queue: { length: 5, seconds: 30 } };
    await create(atWest, { rules: [{ action: 'Limit', limits }] });
    const first = await connect(port);
    first.write('x');
    await new Promise((resolve) => first.once('data', resolve));
    const second = served();
    await eventually('the second waits', async () => (await countsOf(atWest)).connectionsWaiting === 1);
    reset(first);
    expect(await second).toBe(true);
    expect(await countsOf(atWest)).toMatchObject({ connectionsWaited: 1 });
    await remove(atWest);
  });

  it('that is not sound is refused with all that is wrong, and changes nothing', async () => {
    const spec = JSON.stringify({ rules: [{ action: 'Perhaps' }], servces: [] });
    const { status, description } = await atWest.ask('CREATE', { type: 'accessPolicy', name: NAME }, { spec });
    expect(status).toBe(400);
    expect(description).toMatch(/action.*must be one of Allow, Deny, Limit/);
    expect(description).toMatch(/servces: is not a known key/);
    const misnamed = await atWest.ask(
      'CREATE',
      { type: 'accessPolicy', name: 'closed' },
      { spec: JSON.stringify(DENY) },
    );
    expect([misnamed.status, misnamed.description]).toEqual([400, expect.stringContaining('ClusterAccessPolicy/NAME')]);
    expect(await atWest.query('accessPolicy')).toEqual([]);
  });

  it('is asked by EXPLAIN, without a connection', async () => {
    await create(atWest, { ...DENY, services: [{ selector: { matchLabels: { app: 'web' } }, namespaces: ['shop'] }] });
    const listener = (await atWest.query('tcpListener'))[0]!.name;
    const client = { siteName: 'other', namespace: 'shop', labels: { app: 'web' } };
    const asked = (body: object) => atWest.ask('EXPLAIN', { type: 'accessPolicy' }, body);
    for (const about of [{ entity: listener }, { routingKey: 'echo' }]) {
      const { status, body } = await asked({ client, ...about });
      expect([status, body]).toMatchObject([200, { allowed: false, by: { policy: NAME, rule: 0 } }]);
    }
    const service = { name: 'other', namespace: 'shop' };
    expect((await asked({ client, service })).body).toMatchObject({ allowed: true });
    expect(await asked({ client })).toMatchObject({ status: 400 });
    expect(await asked({ client, routingKey: 'nowhere' })).toMatchObject({ status: 400 });
    await remove(atWest);
  });
});

describe('what a router says of its ends', () => {
  const endsOf = async (at: ManagementClient, entityType: string) => {
    const body = { entityType, routingKey: 'echo', client: { siteName: 'west' } };
    const { body: answer } = await at.ask('EXPLAIN', { type: 'accessPolicy' }, body);
    return (answer as { ends: { name: string; traffic: object }[] }).ends.map(({ name, traffic }) => ({
      name,
      traffic,
    }));
  };

  it('names their limits, and the shares of versions, of which each may have many servers', async () => {
    const limits = { maxConnections: 0, maxQueuedConnections: 0 };
    expect(await endsOf(atEast, 'tcpConnector')).toEqual([{ name: 'backend', traffic: limits }]);
    const version = (name: string, more: object) =>
      atEast.ask(
        'CREATE',
        { type: 'tcpConnector', name },
        { address: 'echo', host: '127.0.0.1', port: String(echo.port), ...more },
      );
    const added = ['connector/next@10.0.0.1', 'connector/next@10.0.0.2'];
    for (const name of added)
      expect((await version(name, { weight: 450, maxConnections: 7, maxQueuedConnections: 3 })).status).toBe(201);
    expect(await endsOf(atEast, 'tcpConnector')).toEqual([
      { name: 'backend', traffic: { ...limits, weight: 100, weightSum: 1000 } },
      {
        name: 'connector/next@10.0.0.1',
        traffic: { maxConnections: 7, maxQueuedConnections: 3, weight: 900, weightSum: 1000 },
      },
    ]);
    for (const name of added) await atEast.ask('DELETE', { type: 'tcpConnector', name });
    expect(await endsOf(atWest, 'tcpListener')).toEqual([{ name: 'backend', traffic: { maxConnections: 0 } }]);
  });
});

describe('a policy by file', () => {
  const policy = (spec: string) => ['accessPolicy', { name: NAME, spec }] as const;

  it('is in force within a second, and what cannot be read changes nothing', async () => {
    const before = [...west.entities];
    const write = (...more: (typeof west.entities)[number][]): void => {
      west.entities.splice(0, west.entities.length, ...before, ...more);
      network.rewrite(west);
    };
    write(policy(JSON.stringify(DENY)));
    await eventually('it is refused', async () => !(await served()));
    write(policy('{ "rules": '));
    await eventually('the log says so', () => network.processes.logOf('west').includes('is not JSON'));
    expect(await served()).toBe(false);
    write();
    await eventually('it is allowed', served);
  });
});
