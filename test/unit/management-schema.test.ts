import { describe, expect, it } from 'vitest';
import { amqp, type Typed, toPlain } from '../../router/amqp/codec/value.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { parseHead } from '../../router/amqp/message/head.ts';
import { ManagementAgent } from '../../router/management/agent.ts';
import type { ManagedRouter, ShownEntity } from '../../router/management/managed-router.ts';

const LOG = [
  { at: 1_500, module: 'ROUTER', level: 'info', text: 'first' },
  { at: 2_500, module: 'SERVER', level: 'warning', text: 'second' },
];

/** What each type has, and the journal of what was changed or asked for. */
function setup(entities: Readonly<Record<string, readonly ShownEntity[]>> = {}) {
  const journal: string[] = [];
  const router: ManagedRouter = {
    read: (type, protocol) => {
      if (protocol !== undefined) journal.push(`${type} of ${protocol}`);
      return entities[type] ?? [];
    },
    recentLog: (limit) => (limit < 0 ? LOG : LOG.slice(-limit)),
    routerIds: () => ['A'],
    create: (type, { name }) => journal.push(`create ${type} ${name}`),
    update: (type, name) => journal.push(`update ${type} ${name}`),
    delete: (type, name) => journal.push(`delete ${type} ${name}`),
  };
  const agent = new ManagementAgent({ routerId: 'A', router });
  const ask = (properties: Record<string, string>, body: Typed = amqp.map([])) => {
    const message = composeMessage({
      properties: { to: '$management', replyTo: 'amqp:/_topo/0/A/temp.x' },
      applicationProperties: new Map(Object.entries(properties).map(([key, value]) => [key, amqp.string(value)])),
      body,
    });
    const head = parseHead(agent.handle(parseHead(message, 'body', true)!)!.message, 'body', true)!;
    const status = head.applicationProperties?.get('statusCode')?.value;
    return { status, typed: head.body!, body: plainOf(toPlain(head.body!)) as Record<string, unknown> };
  };
  return { ask, journal };
}

function plainOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainOf);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([key, item]) => [key, plainOf(item)]));
}

const namesQuery = (...names: string[]) =>
  amqp.map([[amqp.string('attributeNames'), amqp.list(names.map((name) => amqp.string(name)))]]);
const FULL = 'io.skupper.router.';

describe('GET-SCHEMA', () => {
  const { ask } = setup();
  const { body: schema } = ask({ operation: 'GET-SCHEMA' });
  const types = schema.entityTypes as Record<string, { attributes: Record<string, object>; operations?: string[] }>;

  it('has each type by its short name with attributes, operations and full name', () => {
    expect(schema.prefix).toBe('io.skupper.router');
    expect(types.tcpListener).toMatchObject({
      fullyQualifiedType: `${FULL}tcpListener`,
      operations: ['CREATE', 'UPDATE', 'DELETE', 'READ'],
      attributes: {
        multiAddressStrategy: { type: ['none', 'priority', 'weighted'], default: 'none' },
        backlog: { type: 'integer' },
        bytesIn: { type: 'integer', graph: true },
        name: { type: 'string', unique: true },
      },
    });
    expect(types.address).toMatchObject({ fullyQualifiedType: `${FULL}router.config.address` });
    expect(types.sslProfile?.attributes.certFile).toEqual({ type: 'path' });
    expect(types.router).toMatchObject({ singleton: true });
    expect(types.tcpListener?.attributes).not.toHaveProperty('type');
  });

  it('has the types that only others extend, and the groups of a vhost with their defaults', () => {
    for (const type of ['entity', 'org.amqp.management', 'configurationEntity', 'operationalEntity']) {
      expect(Object.keys(types[type]!.attributes)).toEqual(['name', 'identity']);
    }
    expect(types.vhostUserGroupSettings?.attributes.maxSenders).toEqual({ type: 'integer', default: 2147483647 });
  });

  it('is the same as JSON, indented on request', () => {
    const compact = ask({ operation: 'GET-JSON-SCHEMA' }).body as unknown as string;
    expect(JSON.parse(compact)).toEqual(schema);
    expect(ask({ operation: 'GET-JSON-SCHEMA', indent: '2' }).body).toBe(JSON.stringify(schema, undefined, 2));
  });
});

describe('GET-LOG', () => {
  it('gives entries as lists, the oldest first, with seconds since 1970', () => {
    const { ask } = setup();
    const first = ['ROUTER', 'info', 'first', null, null, 1];
    const second = ['SERVER', 'warning', 'second', null, null, 2];
    expect(ask({ operation: 'GET-LOG' }).body).toEqual([first, second]);
    expect(ask({ operation: 'GET-LOG', limit: '1' }).body).toEqual([second]);
  });
});

describe('types', () => {
  const { ask } = setup({ listener: [{ name: 'l', identity: 'listener/l', host: 'h' }] });

  it('extend others', () => {
    const { body } = ask({ operation: 'GET-TYPES' });
    expect(body[`${FULL}management`]).toEqual([
      `${FULL}org.amqp.management`,
      `${FULL}operationalEntity`,
      `${FULL}entity`,
    ]);
    expect(body[`${FULL}vhostUserGroupSettings`]).toEqual([`${FULL}configurationEntity`, `${FULL}entity`]);
    expect(body[`${FULL}entity`]).toEqual([]);
  });

  it('are listed with those that extend them by GET-TYPES, and alone by the others', () => {
    const entityType = 'configurationEntity';
    expect(Object.keys(ask({ operation: 'GET-TYPES', entityType }).body)).toContain(`${FULL}listener`);
    expect(ask({ operation: 'GET-OPERATIONS', entityType }).body).toEqual({ [`${FULL}${entityType}`]: ['READ'] });
    expect(ask({ operation: 'GET-ATTRIBUTES', entityType: 'org.amqp.management' }).body).toEqual({
      [`${FULL}org.amqp.management`]: ['name', 'identity', 'type'],
    });
  });

  it('are queried by a base for what all have in common', () => {
    expect(ask({ operation: 'QUERY', entityType: 'entity' }).body).toEqual({
      attributeNames: ['name', 'identity', 'type'],
      results: [
        ['l', 'listener/l', `${FULL}listener`],
        ['self', 'self', `${FULL}management`],
      ],
    });
  });

  it('of the agent itself need no name', () => {
    const self = { name: 'self', identity: 'self', type: `${FULL}management` };
    expect(ask({ operation: 'READ' }).body).toEqual(self);
    expect(ask({ operation: 'READ', type: 'org.amqp.management' }).body).toEqual(self);
    expect(ask({ operation: 'READ', type: 'listener' }).status).toBe(400);
  });
});

describe('what the core answers for', () => {
  const link = { name: 'n', identity: '1', linkName: 'n', linkDir: 'in', capacity: 250 };
  const peer = { identity: '7', name: 'connection/x', role: 'inter-router', host: 'x' };
  const client = { identity: '8', name: 'connection/y', role: 'normal', host: 'y' };

  it('has columns in the order of skupper-router, those without a value too', () => {
    const { ask } = setup({ connection: [peer] });
    const { attributeNames, results } = ask({ operation: 'QUERY', entityType: `${FULL}connection` }).body;
    expect((attributeNames as string[]).slice(0, 5)).toEqual(['name', 'identity', 'host', 'localSocket', 'role']);
    expect((results as unknown[][])[0]?.slice(0, 5)).toEqual(['connection/x', '7', 'x', null, 'inter-router']);
    expect(ask({ operation: 'READ', type: 'connection', identity: '7' }).body).toMatchObject({ localSocket: null });
  });

  it('can be asked for columns that it does not have', () => {
    const { ask } = setup({ 'router.link': [link] });
    const answer = ask({ operation: 'QUERY', entityType: 'router.link' }, namesQuery('linkName', 'adminStatus'));
    expect(answer.body).toEqual({ attributeNames: ['linkName', 'adminStatus'], results: [['n', null]] });
    expect(ask({ operation: 'QUERY', entityType: 'listener' }, namesQuery('nothing')).status).toBe(404);
  });

  it('forbids what it does not do', () => {
    const { ask, journal } = setup({ connection: [peer], 'router.link': [link], routerMetrics: [{ identity: '1' }] });
    expect(ask({ operation: 'CREATE', type: 'router.link', name: 'x' }).status).toBe(403);
    expect(ask({ operation: 'UPDATE', type: 'router.link', identity: '1' }).status).toBe(403);
    expect(ask({ operation: 'DELETE', type: 'routerMetrics', identity: '1' }).status).toBe(403);
    expect(ask({ operation: 'DELETE', type: 'connection', identity: '7' }).status).toBe(403);
    expect(journal).toEqual([]);
  });

  it('ends connections of clients, and forbids to end one between routers', () => {
    const { ask, journal } = setup({ connection: [peer, client] });
    const deleted = amqp.map([[amqp.string('adminStatus'), amqp.string('deleted')]]);
    expect(ask({ operation: 'UPDATE', type: 'connection', identity: '7' }, deleted).status).toBe(403);
    expect(ask({ operation: 'UPDATE', type: 'connection', identity: '8' }, deleted).status).toBe(200);
    expect(journal).toEqual(['update connection 8']);
  });

  it('leaves out TCP flows on request', () => {
    const { ask, journal } = setup();
    ask({ operation: 'QUERY', entityType: 'connection', protocol: 'amqp' });
    expect(journal).toEqual(['connection of amqp']);
  });
});

describe('paging', () => {
  it('takes a count of 0 as none given', () => {
    const { ask } = setup({ listener: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] });
    const names = (count: string, offset: string) =>
      ask({ operation: 'QUERY', entityType: 'listener', count, offset }, namesQuery('name')).body.results;
    expect(names('0', '0')).toEqual([['a'], ['b'], ['c']]);
    expect(names('1', '1')).toEqual([['b']]);
    expect(names('5', '3')).toEqual([]);
  });
});

describe('an entity without a name', () => {
  it('keeps its identity when it is changed', () => {
    const network = { name: 'network/0', identity: 'network/0' };
    const { ask } = setup({ network: [network] });
    const change = amqp.map([[amqp.string('networkId'), amqp.string('n')]]);
    const answer = ask({ operation: 'UPDATE', type: 'network', name: 'network/0' }, change);
    expect(answer.body).toMatchObject({ name: 'network/0', identity: 'network/0' });
  });
});
