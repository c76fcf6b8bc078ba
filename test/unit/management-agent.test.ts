import { describe, expect, it } from 'vitest';
import { SkuprtError } from '../../lib/errors.ts';
import { amqp, type Typed, toPlain } from '../../router/amqp/codec/value.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { type Head, parseHead } from '../../router/amqp/message/head.ts';
import { ManagementAgent } from '../../router/management/agent.ts';
import { entitiesOf, parseConfig } from '../../router/management/config.ts';
import type { LoggedEntry, ManagedRouter, ShownEntity } from '../../router/management/managed-router.ts';
import type { EntityType } from '../../router/management/schema.ts';

class PortTakenError extends SkuprtError {
  readonly code = 'SKUPRT_TEST';
  readonly fault = 'environment';
}

/** A router of maps; `journal` is what was asked of it. */
class FakeRouter implements ManagedRouter {
  readonly journal: string[] = [];
  readonly shown = new Map<string, ShownEntity[]>();
  failure: Error | undefined;

  constructor(config: string) {
    const parsed = parseConfig(config, 'test');
    for (const type of parsed.entities.keys()) this.shown.set(type, [...entitiesOf(parsed, type).values()]);
  }

  read(type: string): ShownEntity[] {
    return this.shown.get(type) ?? [];
  }

  create(type: EntityType, entity: ShownEntity): void {
    if (this.failure) throw this.failure;
    this.journal.push(`create ${type} ${entity.name}`);
    this.shown.set(type, [...this.read(type), entity]);
  }

  update(type: string, name: string, entity: ShownEntity): void {
    this.journal.push(`update ${type} ${name}`);
    this.shown.set(type, [...this.read(type).filter((other) => other.name !== name), entity]);
  }

  delete(type: string, name: string): void {
    this.journal.push(`delete ${type} ${name}`);
    this.shown.set(
      type,
      this.read(type).filter((other) => other.name !== name),
    );
  }

  recentLog(limit: number): LoggedEntry[] {
    const entries = [
      { at: 1_500, module: 'ROUTER', level: 'info', text: 'first' },
      { at: 2_500, module: 'SERVER', level: 'warning', text: 'second' },
    ];
    return limit < 0 ? entries : entries.slice(-limit);
  }

  routerIds(): string[] {
    return ['A', 'B'];
  }
}

const CONFIG = `[
  ["router", {"id": "A", "mode": "interior"}],
  ["sslProfile", {"name": "tls", "certFile": "/a", "password": "secret"}],
  ["listener", {"name": "l1", "port": 5672}],
  ["tcpListener", {"name": "t1", "port": 8080, "address": "backend"}]
]`;

function setup() {
  const router = new FakeRouter(CONFIG);
  const agent = new ManagementAgent({ routerId: 'A', router });
  const ask = (
    properties: Record<string, string | number>,
    body?: Typed,
    correlationId: Typed = amqp.ulong(7),
  ): Reply => {
    const typedProperties = Object.entries(properties).map(
      ([key, value]) => [key, typeof value === 'number' ? amqp.int(value) : amqp.string(value)] as const,
    );
    const message = composeMessage({
      properties: { to: '$management', replyTo: 'amqp:/_topo/0/A/temp.x', correlationId },
      applicationProperties: new Map<string, Typed>(typedProperties),
      body: body ?? amqp.map([]),
    });
    const answer = agent.handle(parseHead(message, 'body', true)!)!;
    return new Reply(answer.to, parseHead(answer.message, 'body', true)!);
  };
  return { router, agent, ask };
}

class Reply {
  readonly to: string;
  readonly head: Head;

  constructor(to: string, head: Head) {
    this.to = to;
    this.head = head;
  }

  get status(): unknown {
    return this.head.applicationProperties?.get('statusCode')?.value;
  }

  get description(): unknown {
    return this.head.applicationProperties?.get('statusDescription')?.value;
  }

  get body(): unknown {
    return this.head.body && toPlain(this.head.body);
  }

  /** Of an answer that is an entity. */
  get entity(): Record<string, unknown> {
    return Object.fromEntries(this.body as Map<string, unknown>);
  }

  get results(): unknown[][] {
    return (this.body as Map<string, unknown[][]>).get('results')!;
  }
}

const map = (entries: Record<string, Typed>) =>
  amqp.map(Object.entries(entries).map(([key, value]) => [amqp.string(key), value] as const));
const query = (...names: string[]) => map({ attributeNames: amqp.list(names.map((name) => amqp.string(name))) });

describe('an answer', () => {
  it('goes to the reply-to with the correlation id in the type it came in', () => {
    const { ask } = setup();
    for (const id of [amqp.ulong(7), amqp.string('7'), amqp.uuid('00112233-4455-6677-8899-aabbccddeeff')]) {
      const { to, head } = ask({ operation: 'GET-MGMT-NODES' }, undefined, id);
      expect(to).toBe('amqp:/_topo/0/A/temp.x');
      expect(head.properties).toMatchObject({ to: 'amqp:/_topo/0/A/temp.x', correlationId: id });
    }
  });

  it('is not made without a reply-to', () => {
    const message = composeMessage({ applicationProperties: new Map([['operation', amqp.string('QUERY')]]) });
    expect(setup().agent.handle(parseHead(message, 'body', true)!)).toBeUndefined();
  });

  it('has its status as an int', () => {
    const { head } = setup().ask({ operation: 'GET-TYPES' });
    expect(head.applicationProperties?.get('statusCode')).toEqual(amqp.int(200));
  });
});

describe('QUERY', () => {
  it.each(['listener', 'io.skupper.router.listener'])('takes the type as %s', (entityType) => {
    const reply = setup().ask({ operation: 'QUERY', entityType }, query('name', 'port', 'cost', 'type'));
    expect(reply.results).toEqual([['l1', '5672', 1, 'io.skupper.router.listener']]);
  });

  it('knows the alias of a type by its short and its full name', () => {
    const { ask, router } = setup();
    router.shown.set('address', [{ name: 'm', identity: 'address/m', prefix: 'mc', distribution: 'multicast' }]);
    for (const entityType of ['address', 'router.config.address', 'io.skupper.router.router.config.address']) {
      expect(ask({ operation: 'QUERY', entityType }, query('prefix')).results).toEqual([['mc']]);
    }
  });

  it('gives all attributes when none are named', () => {
    const { head, results } = setup().ask({ operation: 'QUERY', entityType: 'tcpListener' });
    expect(head.body && (toPlain(head.body) as Map<string, unknown>).get('attributeNames')).toContain('operStatus');
    expect(results[0]).toContain('backend');
  });

  it('sends runtime counts as ulong and sizes by their schema', () => {
    const { ask, router } = setup();
    router.shown.set('router.node', [{ id: 'B', cost: 1, instance: 1763724000, linkState: ['A'], nextHop: '(self)' }]);
    router.shown.set('router.link', [{ identity: '1', deliveryCount: 5_000_000_000, capacity: 3 }]);
    expect(
      ask({ operation: 'QUERY', entityType: 'router.node' }, query('name', 'instance', 'linkState')).head.body,
    ).toEqual(
      map({
        attributeNames: amqp.list(['name', 'instance', 'linkState'].map(amqp.string)),
        results: amqp.list([
          amqp.list([amqp.string('router.node/B'), amqp.int(1763724000), amqp.list([amqp.string('A')])]),
        ]),
      }),
    );
    const { head } = ask({ operation: 'QUERY', entityType: 'router.link' }, query('deliveryCount', 'capacity'));
    expect(JSON.stringify(head.body)).toContain(JSON.stringify([amqp.ulong(5_000_000_000), amqp.uint(3)]));
  });

  it('pages by offset and count', () => {
    const { ask } = setup();
    const all = ask({ operation: 'QUERY', entityType: 'log' }, query('module')).results;
    expect(ask({ operation: 'QUERY', entityType: 'log', offset: 2, count: 3 }, query('module')).results).toEqual(
      all.slice(2, 5),
    );
  });

  it('covers every type without one, and all configured ones by their base', () => {
    const { ask } = setup();
    const types = (entityType?: string) =>
      new Set(ask({ operation: 'QUERY', ...(entityType && { entityType }) }, query('type')).results.flat());
    expect(types()).toContain('io.skupper.router.management');
    expect(types('configurationEntity')).toContain('io.skupper.router.tcpListener');
    expect(types('configurationEntity')).not.toContain('io.skupper.router.management');
  });

  it('never shows a password', () => {
    const { ask } = setup();
    expect(ask({ operation: 'QUERY', entityType: 'sslProfile' }, query('name', 'password')).results).toEqual([
      ['tls', null],
    ]);
    const { entity } = ask({ operation: 'READ', type: 'sslProfile', name: 'tls' });
    expect(entity).toHaveProperty('certFile');
    expect(entity).not.toHaveProperty('password');
  });

  it('refuses an unknown type or attribute with a near match', () => {
    const { ask } = setup();
    expect(ask({ operation: 'QUERY', entityType: 'listner' })).toMatchObject({
      status: 400,
      description: "no such entity type 'listner'; did you mean 'listener'?",
    });
    expect(ask({ operation: 'QUERY', entityType: 'listener' }, query('prot'))).toMatchObject({ status: 404 });
  });
});

describe('the other reading operations', () => {
  it('READ finds by name or identity, and says when there is nothing', () => {
    const { ask } = setup();
    const byName = ask({ operation: 'READ', type: 'tcpListener', name: 't1' });
    expect(byName.status).toBe(200);
    expect(byName.entity).toMatchObject({ address: 'backend', identity: 'tcpListener/:8080:t1' });
    expect(ask({ operation: 'READ', identity: 'tcpListener/:8080:t1' }).body).toEqual(byName.body);
    expect(ask({ operation: 'READ', type: 'listener', name: 't1' })).toMatchObject({ status: 404 });
    expect(ask({ operation: 'READ', type: 'listener' })).toMatchObject({ status: 400 });
  });

  it('GET-MGMT-NODES names the agents of all routers', () => {
    expect(setup().ask({ operation: 'GET-MGMT-NODES' }).body).toEqual([
      'amqp:/_topo/0/A/$management',
      'amqp:/_topo/0/B/$management',
    ]);
  });

  it('GET-TYPES, GET-ATTRIBUTES and GET-OPERATIONS are keyed by full type', () => {
    const { ask } = setup();
    const of = (operation: string) => ask({ operation, entityType: 'listenerAddress' }).body;
    const key = 'io.skupper.router.listenerAddress';
    expect(of('GET-TYPES')).toEqual(
      new Map([[key, ['io.skupper.router.configurationEntity', 'io.skupper.router.entity']]]),
    );
    expect(of('GET-OPERATIONS')).toEqual(new Map([[key, ['CREATE', 'UPDATE', 'DELETE', 'READ']]]));
    expect((of('GET-ATTRIBUTES') as Map<string, string[]>).get(key)).toContain('value');
  });

  it('an unknown operation is not implemented', () => {
    expect(setup().ask({ operation: 'CALLME' })).toMatchObject({ status: 501 });
    expect(setup().ask({})).toMatchObject({ status: 400, description: "no 'operation' property" });
  });
});

describe('CREATE', () => {
  const CONNECTOR = map({ address: amqp.string('x'), port: amqp.string('80'), host: amqp.string('10.0.0.1') });

  it('makes an entity with its defaults and answers with it', () => {
    const { ask, router } = setup();
    const reply = ask({ operation: 'CREATE', type: 'io.skupper.router.tcpConnector', name: 'c1' }, CONNECTOR);
    expect(reply).toMatchObject({ status: 201, description: 'Created' });
    expect(reply.entity).toMatchObject({ name: 'c1', port: '80', verifyHostname: true });
    expect(router.journal).toEqual(['create tcpConnector c1']);
  });

  it.each([
    ['an unknown attribute', 'tcpConnector', { adress: amqp.string('x') }],
    ['a missing attribute', 'tcpConnector', { address: amqp.string('x') }],
    ['a name in use', 'tcpListener', { name: amqp.string('t1'), port: amqp.int(9), address: amqp.string('x') }],
    ['a profile that is not there', 'listener', { sslProfile: amqp.string('none') }],
    [
      'an attribute only the router sets',
      'tcpListener',
      { port: amqp.int(9), address: amqp.string('x'), bytesIn: amqp.int(1) },
    ],
    ['a value out of range', 'listener', { port: amqp.int(70_000) }],
    ['a body of another type', 'address', { prefix: amqp.string('x'), type: amqp.string('listener') }],
    ['credentials that are outdated at once', 'sslProfile', { ordinal: amqp.int(2), oldestValidOrdinal: amqp.int(3) }],
  ])('refuses %s and changes nothing', (_, type, body) => {
    const { ask, router } = setup();
    const { status, description } = ask({ operation: 'CREATE', type }, map(body));
    expect(status).toBe(400);
    expect(description).not.toBe('Bad Request');
    expect(router.journal).toEqual([]);
  });

  it('is not implemented for what only exists at run time', () => {
    expect(setup().ask({ operation: 'CREATE', type: 'router.node' }, map({}))).toMatchObject({ status: 501 });
  });

  it("tells the router's own failure, and does not hide a bug", () => {
    const { ask, router } = setup();
    router.failure = new PortTakenError('port 80 is in use');
    const create = () => ask({ operation: 'CREATE', type: 'tcpConnector', name: 'c1' }, CONNECTOR);
    expect(create()).toMatchObject({ status: 500, description: 'port 80 is in use' });
    router.failure = new TypeError('a bug');
    expect(create).toThrow('a bug');
  });

  it('says in the answer what has no effect', () => {
    const { description } = setup().ask(
      { operation: 'CREATE', type: 'autoLink' },
      map({ direction: amqp.string('in'), address: amqp.string('a') }),
    );
    expect(description).toMatch(/^Created; autoLink: has no effect/);
  });
});

describe('UPDATE and DELETE', () => {
  it('changes the attributes that may change and keeps the others', () => {
    const { ask, router } = setup();
    const reply = ask({ operation: 'UPDATE', type: 'sslProfile', name: 'tls' }, map({ certFile: amqp.string('/b') }));
    expect(reply.status).toBe(200);
    expect(router.read('sslProfile')).toMatchObject([{ name: 'tls', certFile: '/b', password: 'secret' }]);
  });

  it('refuses an attribute that is set at creation only, unless it stays the same', () => {
    const { ask, router } = setup();
    const update = (mode: string) =>
      ask(
        { operation: 'UPDATE', type: 'router', identity: 'router/A' },
        map({ mode: amqp.string(mode), metadata: amqp.string('m') }),
      );
    expect(update('edge')).toMatchObject({ status: 400 });
    expect(router.journal).toEqual([]);
    expect(update('interior')).toMatchObject({ status: 200 });
  });

  it('can end a connection through its adminStatus', () => {
    const { ask, router } = setup();
    router.shown.set('connection', [{ name: 'connection/x', identity: '12', adminStatus: 'enabled' }]);
    const reply = ask(
      { operation: 'UPDATE', type: 'connection', identity: '12' },
      map({ adminStatus: amqp.string('deleted') }),
    );
    expect(reply.status).toBe(200);
    expect(router.journal).toEqual(['update connection 12']);
  });

  it('is not implemented where the type does not have it', () => {
    const { ask, router } = setup();
    router.shown.set('autoLink', [{ name: 'a1', identity: 'autoLink/a1' }]);
    expect(ask({ operation: 'UPDATE', type: 'autoLink', name: 'a1' }, map({}))).toMatchObject({ status: 501 });
    expect(ask({ operation: 'DELETE', type: 'router', name: 'router/A' })).toMatchObject({ status: 501 });
  });

  it('DELETE removes the entity and answers without a body', () => {
    const { ask, router } = setup();
    expect(ask({ operation: 'DELETE', type: 'listener', name: 'l1' })).toMatchObject({ status: 204, body: new Map() });
    expect(router.journal).toEqual(['delete listener l1']);
    expect(ask({ operation: 'DELETE', type: 'listener', name: 'l1' })).toMatchObject({ status: 404 });
  });

  it('DELETE refuses a tcpListener while it has addresses', () => {
    const { ask, router } = setup();
    router.shown.set('listenerAddress', [{ name: 'a1', identity: 'listenerAddress/a1', listener: 't1' }]);
    const remove = (type: string, name: string) => ask({ operation: 'DELETE', type, name });
    const reply = remove('tcpListener', 't1');
    expect(reply.status).toBe(400);
    expect(reply.description).toContain("listenerAddress 'a1'");
    expect(remove('listenerAddress', 'a1')).toMatchObject({ status: 204 });
    expect(remove('tcpListener', 't1')).toMatchObject({ status: 204 });
  });
});
