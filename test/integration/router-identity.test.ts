/**
 * Real routers whose certificates name their sites: who claims another site is refused, each knows whose the others are and by whose
 * word, and a client's identity is verified along a line of three.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { siteUri } from '../../lib/site-identity.ts';
import { eventually, PATIENCE } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { echoServer, type Listening } from '../support/tcp.ts';
import { ask } from '../support/two-sites.ts';

const network = new LiveNetwork();
const ports = new Map<string, number>();
const clients: ManagementClient[] = [];
/** By policies at the router of the services' backends. */
const ALLOWED = {
  'by-path': { sites: ['W'] },
  'by-link': { sites: ['W'], verification: 'link' },
  'by-workload': { sites: ['name of W'], namespaces: ['shop'], selector: { matchLabels: { tier: 'web' } } },
} as const;
const SERVICES = Object.keys(ALLOWED);
const tcpPorts = new Map<string, number>();
const QUESTION = 'who am I?';
let backend: Listening | undefined;

/** What a client gets for its question; nothing when it is reset. @param at router and service */
async function answerAt(at: string): Promise<string> {
  try {
    return await ask(tcpPorts.get(at)!, QUESTION);
  } catch {
    return '';
  }
}

async function router(id: string, site: string, { certified = site, mode = 'interior' as LiveRouter['mode'] } = {}) {
  const made = await network.router(id, mode);
  const directory = join(network.directory, id);
  mkdirSync(directory, { recursive: true });
  network.authority.write(directory, id, certified === '' ? [] : [siteUri(certified)]);
  network.routerAttributes(made, { metadata: JSON.stringify({ id: site }), siteName: `name of ${site}` });
  ports.set(id, await network.amqp(made));
  return made;
}

async function management(id: string): Promise<ManagementClient> {
  const client = await ManagementClient.connect(ports.get(id)!);
  clients.push(client);
  return client;
}

/** `router site verification via`, of all that a router knows. */
async function known(id: string): Promise<string[]> {
  const rows = await (await management(id)).query('router.identity');
  return rows
    .map(({ routerId, site, verification, via }) => `${routerId} ${site} ${verification} ${via}`.trim())
    .sort();
}

beforeAll(async () => {
  const west = await router('west', 'W');
  const middle = await router('middle', 'M');
  const east = await router('east', 'E');
  const edge = await router('edge', 'W', { mode: 'edge' });
  const liar = await router('liar', 'E', { certified: 'L' });
  const plain = await router('plain', 'P', { certified: '' });
  await network.link(west, middle);
  await network.link(middle, east);
  await network.link(edge, west, { more: { role: 'edge' } });
  await network.link(liar, middle);
  await network.link(plain, middle);
  backend = await echoServer();
  for (const at of [west, edge])
    for (const to of SERVICES) tcpPorts.set(`${at.id} ${to}`, await network.publish(at, to));
  for (const to of SERVICES) network.offer(east, to, backend.port);
  for (const [name, from] of Object.entries(ALLOWED)) {
    const spec = { services: [{ routingKeys: [name] }], rules: [{ action: 'Allow', from: [from] }] };
    east.entities.push(['accessPolicy', { name: `ClusterAccessPolicy/${name}`, spec: JSON.stringify(spec) }]);
  }
  await network.start();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => {
  await network.stop();
  await backend?.close();
});

describe('routers with certificates of their sites', () => {
  it('know whose the others are, by whom, and tell it over management', async () => {
    let seen: string[] = [];
    await eventually(
      () => `east knows all: ${seen.join('; ')}\n${network.evidence()}`,
      async () => {
        seen = await known('east');
        return seen.length === 4;
      },
    );
    await eventually('the edge knows all', async () => (await known('edge')).length === 4);
    expect(seen).toEqual(['east E local', 'edge W path M', 'middle M link', 'west W path M']);
    expect(await known('edge')).toEqual(['east E path M', 'edge W local', 'middle M link', 'west W local']);
  });

  it('refuse one that says another site than its certificate', async () => {
    await eventually(
      () => `the liar is refused\n${network.evidence()}`,
      () => network.processes.logOf('middle').includes('connection refused'),
    );
    expect(network.processes.logOf('middle')).toContain(
      'the router says that it is of site E, its certificate is of site L',
    );
    // The other end hears of it a moment later, and tries again and again.
    await eventually(
      () => `the liar is told why\n${network.evidence()}`,
      () => network.processes.logOf('liar').includes('amqp:unauthorized-access'),
    );
    const router = await management('middle');
    const nodes = async () => (await router.query('router.node')).map(({ id }) => id).sort();
    await expect.poll(nodes, PATIENCE).toEqual(['east', 'middle', 'plain', 'west']);
  });

  it('show of each connection which site it is of, and whether that is sure', async () => {
    const router = await management('middle');
    const sites = async () => {
      // The liar's are there too until it is found out.
      const rows = (await router.query('connection')).filter(({ role, site }) => role === 'inter-router' && site);
      return [
        ...new Set(rows.map(({ container, site, siteVerified }) => `${container} ${site} ${siteVerified}`)),
      ].sort();
    };
    await expect.poll(sites, PATIENCE).toEqual(['east E true', 'plain P false', 'west W true']);
  });
});

describe('management over the network', () => {
  const at = (id: string) => `amqp:/_topo/0/${id}/$management`;

  it('shows everybody what there is, and is taken from clients of the same site only where it changes something', async () => {
    const west = await management('west');
    const policies = async () => (await west.query('accessPolicy', at('east'))).map(({ name }) => name);
    const before = await policies();
    expect(before).toHaveLength(SERVICES.length);
    const changes = [
      ['DELETE', { type: 'accessPolicy', name: 'ClusterAccessPolicy/by-link' }, {}],
      [
        'UPDATE',
        { type: 'accessPolicy', name: 'ClusterAccessPolicy/by-link' },
        { spec: '{"rules":[{"action":"Allow"}]}' },
      ],
      ['CREATE', { type: 'tcpConnector', name: 'inside' }, { address: 'inside', host: '127.0.0.1', port: '1' }],
      ['SET-WORKLOADS', { type: 'workloads', name: 'self' }, { revision: 9, replace: true, set: {}, gone: [] }],
    ] as const;
    for (const [operation, properties, body] of changes) {
      const answer = await west.ask(operation, properties, body, at('east'));
      expect([operation, answer.status, answer.description]).toEqual([
        operation,
        403,
        expect.stringContaining('own site'),
      ]);
    }
    expect(await policies()).toEqual(before);
  });

  it('is taken from a router of the same site, by whoever is asked', async () => {
    const made = { type: 'sslProfile', name: 'made' };
    expect(await (await management('edge')).ask('CREATE', made, {}, at('west'))).toMatchObject({ status: 201 });
    expect(await (await management('middle')).ask('DELETE', made, {}, at('west'))).toMatchObject({ status: 403 });
    expect(await (await management('west')).ask('DELETE', made, {})).toMatchObject({ status: 204 });
  });
});

describe('what policies say, asked over the network', () => {
  const at = 'amqp:/_topo/0/east/$management';
  const asked = async (client: object, entityType = 'tcpConnector') => {
    const body = { entityType, routingKey: 'by-path', client };
    return await (await management('west')).ask('EXPLAIN', { type: 'accessPolicy' }, body, at);
  };
  const connects = async (client: object) => {
    const { ends } = (await asked(client)).body as { ends: { checks: object[] }[] };
    expect(ends).toHaveLength(1);
    return ends[0]!.checks[1];
  };

  it('is told of each end, of a client as that router would know it whatever the question claims', async () => {
    const { status, body } = await asked({ siteName: 'name of W', verification: 'local', namespace: 'shop' });
    expect([status, body]).toMatchObject([
      200,
      {
        siteId: 'E',
        siteName: 'name of E',
        ends: [
          {
            name: 'connector-by-path',
            checks: [
              { operation: 'Expose', client: { siteId: 'E', verification: 'local' }, decision: { allowed: true } },
              {
                operation: 'Connect',
                client: { siteId: 'W', siteName: 'name of W', namespace: 'shop', verification: 'path', via: ['M'] },
                decision: { allowed: true, by: { policy: 'ClusterAccessPolicy/by-path', rule: 0 } },
              },
            ],
            traffic: { maxConnections: 0, maxQueuedConnections: 0 },
          },
        ],
      },
    ]);
  });

  it('refuses whom that router cannot know, and whom its policies do not name', async () => {
    expect(await connects({ siteId: 'P' })).toMatchObject({
      client: { verification: 'none', doubt: expect.stringContaining('vouches for a router of site P') },
      decision: { allowed: false },
    });
    expect(await connects({ siteId: 'M' })).toMatchObject({
      client: { siteName: 'name of M', verification: 'link' },
      decision: { allowed: false },
    });
  });

  it('is nothing where the router has no such end, and a mistake without a routing key', async () => {
    expect((await asked({ siteId: 'W' }, 'tcpListener')).body).toMatchObject({ siteId: 'E', ends: [] });
    const without = { entityType: 'tcpListener', entity: 'connector-by-path', client: {} };
    const answer = await (await management('west')).ask('EXPLAIN', { type: 'accessPolicy' }, without, at);
    expect(answer).toMatchObject({ status: 400, description: expect.stringContaining("goes with 'routingKey'") });
  });

  it('is told so often and no more, so that it costs the router little', async () => {
    const client = await management('west');
    const body = { routingKey: 'by-path', client: {} };
    const ask = () => client.ask('EXPLAIN', { type: 'accessPolicy' }, body, at);
    const answers = await Promise.all(Array.from({ length: 1000 }, ask));
    expect([...new Set(answers.map(({ status }) => status))]).toEqual([200, 429]);
  });
});

describe('a client of another site', () => {
  it('is believed to be of it when its router is known by introductions, and only by who asks for no more', async () => {
    for (const at of ['west', 'edge']) {
      await eventually(
        () => `a client at ${at} is let through\n${network.evidence()}`,
        async () => (await answerAt(`${at} by-path`)) === QUESTION,
      );
      expect(await answerAt(`${at} by-link`)).toBe('');
    }
  });

  it('is of the workload that the control plane has named for its address', async () => {
    expect(await answerAt('west by-workload')).toBe('');
    const set = { '127.0.0.1': { namespace: 'shop', workload: 'cart', pod: 'cart-1', labels: 'app=cart,tier=web' } };
    const change = { revision: 7, replace: true, set, gone: [] };
    const properties = { type: 'workloads', name: 'self' };
    const told = await (await management('west')).ask('SET-WORKLOADS', properties, change);
    expect(told).toMatchObject({ status: 200, body: { revision: 7, count: 1 } });
    expect(await answerAt('west by-workload')).toBe(QUESTION);
    const gone = { revision: 8, replace: false, set: {}, gone: ['127.0.0.1'] };
    expect(await (await management('west')).ask('SET-WORKLOADS', properties, gone)).toMatchObject({ status: 200 });
    expect(await answerAt('west by-workload')).toBe('');
    const late = { ...change, revision: 6, replace: false };
    expect(await (await management('west')).ask('SET-WORKLOADS', properties, late)).toMatchObject({ status: 400 });
  });
});
