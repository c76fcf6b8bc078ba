/**
 * Management of our routers beside the original's in the same places: the same types, attributes, AMQP types and status codes,
 * but for what is listed here as ours; and the original's own tools against networks of both.
 */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONNECTOR_ATTRIBUTES, LISTENER_ATTRIBUTES } from '../../lib/own-attributes.ts';
import { amqp, type Typed, toPlain } from '../../router/amqp/codec/value.ts';
import { originalRouter } from '../support/original-router.ts';
import { findProgram, isExecutable } from '../support/programs.ts';
import type { Kind } from '../support/router-process.ts';
import { TypedManagement } from '../support/typed-management.ts';
import { ManagedNetwork, PLACES, type Place } from './management-place.ts';

const FULL = 'io.skupper.router.';
/** A type for tests of the original itself. */
const NOT_OURS: readonly string[] = ['dummy'];
const OUR_TYPES: readonly string[] = ['accessPolicy', 'workloads', 'router.identity'];
const MORE_ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  router: ['siteName', 'siteNamespace', 'adminStatus', 'operStatus'],
  listener: ['operStatus', 'connectionMsg'],
  connector: ['endpoints'],
  tcpListener: [...Object.keys(LISTENER_ATTRIBUTES), 'proxyProtocol'],
  tcpConnector: [...Object.keys(CONNECTOR_ATTRIBUTES), 'operStatus', 'connectionMsg'],
  listenerAddress: ['weight'],
  connection: ['site', 'siteVerified'],
};
/** The Python profiler of the original's agent. */
const FEWER_OPERATIONS: readonly string[] = ['PROFILE'];
const OTHER_DEFAULTS: readonly string[] = [
  'router.id: default Standalone, not undefined',
  // A read of 64 KiB fits into one frame.
  'listener.maxFrameSize: default 69632, not 16384',
  'connector.maxFrameSize: default 69632, not 16384',
];
const TOOLS = ['skstat', 'skmanage'] as const;
const VIEWS = [
  ['-g'],
  ['-c'],
  ['-l'],
  ['-n', '-v'],
  ['-e'],
  ['-a', '-v'],
  ['-m'],
  ['-p'],
  ['--autolinks'],
  ['--vhosts'],
  ['--vhostgroups'],
  ['--vhoststats'],
  ['--log'],
  ['--all-entities'],
  ['-c', '--csv'],
  ['-l', '--limit', '3'],
  ['-g', '--all-routers'],
  ['-a', '--all-routers'],
];

function toolOf(name: (typeof TOOLS)[number]): string | undefined {
  const folder = dirname(originalRouter ?? '');
  return [join(folder, name), join(folder, '../bin', name)].find(isExecutable) ?? findProgram(name);
}

type Dumped = { attributes: Record<string, { type: unknown; default?: unknown }>; operations?: string[] };

async function schemaOf(client: TypedManagement): Promise<Record<string, Dumped>> {
  const { body } = await client.ask({ operation: 'GET-SCHEMA' });
  return (plainOf(toPlain(body)) as { entityTypes: Record<string, Dumped> }).entityTypes;
}

function plainOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainOf);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([key, item]) => [key, plainOf(item)]));
}

function text(entries: Readonly<Record<string, string>>): Typed {
  return amqp.map(Object.entries(entries).map(([key, value]) => [amqp.string(key), amqp.string(value)] as const));
}

describe.runIf(originalRouter)('our agent beside the original', { timeout: 60_000, retry: 0 }, () => {
  let networks: ManagedNetwork[] = [];
  let clients: Record<Kind, Record<Place, TypedManagement>>;

  beforeAll(async () => {
    const start = async (kind: Kind) => {
      const network = await ManagedNetwork.start([kind, kind, kind]);
      networks.push(network);
      const each = PLACES.map(async (place) => [place, await TypedManagement.connect(network.ports[place])] as const);
      return Object.fromEntries(await Promise.all(each)) as Record<Place, TypedManagement>;
    };
    clients = { original: await start('original'), ours: await start('ours') };
    const group = text({ users: '*', remoteHosts: '*' });
    const vhost = amqp.map([
      [amqp.string('hostname'), amqp.string('vhost')],
      [amqp.string('groups'), amqp.map([[amqp.string('$default'), group]])],
    ]);
    for (const { A } of Object.values(clients)) {
      const { status, description } = await A.ask({ operation: 'CREATE', type: `${FULL}vhost`, name: 'vhost' }, vhost);
      expect(status, description).toBe(201);
    }
  }, 120_000);
  afterAll(async () => {
    for (const kind of Object.values(clients ?? {})) for (const client of Object.values(kind)) client.close();
    await Promise.all(networks.map((network) => network.stop()));
    networks = [];
  });

  it('has its schema: types, attributes with their types and defaults, operations', async () => {
    const [theirs, ours] = [await schemaOf(clients.original.A), await schemaOf(clients.ours.A)];
    expect(Object.keys(theirs).filter((type) => !(type in ours))).toEqual(NOT_OURS);
    expect(Object.keys(ours).filter((type) => !(type in theirs))).toEqual(OUR_TYPES);
    const different: string[] = [];
    for (const [type, { attributes, operations = [] }] of Object.entries(theirs)) {
      const own = ours[type];
      if (own === undefined) continue;
      const more = Object.keys(own.attributes).filter((name) => !(name in attributes));
      if (more.sort().join() !== [...(MORE_ATTRIBUTES[type] ?? [])].sort().join())
        different.push(`${type} has ${more} more`);
      for (const [name, { type: kind, default: fallback }] of Object.entries(attributes)) {
        const mine = own.attributes[name];
        if (JSON.stringify(mine?.type) !== JSON.stringify(kind)) different.push(`${type}.${name}: ${mine?.type}`);
        if (mine?.default !== fallback) different.push(`${type}.${name}: default ${mine?.default}, not ${fallback}`);
      }
      const fewer = operations.filter((name) => !own.operations?.includes(name) && !FEWER_OPERATIONS.includes(name));
      if (fewer.length > 0) different.push(`${type} lacks ${fewer}`);
    }
    expect(different).toEqual(OTHER_DEFAULTS);
  });

  it.each(PLACES)('has the same attributes with the same AMQP types in place %s', async (place) => {
    const types = Object.keys(await schemaOf(clients.original.A)).filter((type) => !NOT_OURS.includes(type));
    const different: string[] = [];
    for (const short of types) {
      const type = FULL + (['address', 'autoLink'].includes(short) ? `router.config.${short}` : short);
      const theirs = await clients.original[place].query(type);
      const ours = await clients.ours[place].query(type);
      if (theirs.length > 0 && ours.length === 0) different.push(`${short}: none`);
      if (theirs.length === 0 || ours.length === 0) continue;
      for (const name of theirs[0]!.keys()) {
        if (name === '') continue;
        const seen = (rows: typeof ours) => new Set(rows.map((row) => row.get(name)?.type ?? 'absent'));
        const [before, after] = [seen(theirs), seen(ours)];
        if (after.has('absent')) different.push(`${short}.${name}: absent`);
        const isNull = (types: Set<string>) => types.size === 1 && types.has('null');
        if (isNull(before)) continue;
        if (!before.has('null') && after.has('null')) different.push(`${short}.${name}: null`);
        const wrong = [...after].filter((kind) => kind !== 'null' && !before.has(kind));
        if (wrong.length > 0) different.push(`${short}.${name}: ${wrong}, not ${[...before]}`);
      }
    }
    expect(different).toEqual([]);
  });

  it('has the same entities by name where they come from the configuration', async () => {
    for (const place of PLACES) {
      for (const type of [
        'listener',
        'connector',
        'tcpListener',
        'tcpConnector',
        'listenerAddress',
        'log',
        'logStats',
      ]) {
        const names = async (kind: Kind) =>
          (await clients[kind][place].query(FULL + type)).map((row) => toPlain(row.get('name')!)).sort();
        expect(await names('ours'), `${type} in ${place}`).toEqual(await names('original'));
      }
    }
  });

  it('has the addresses that routers in these places have', async () => {
    const keys = async (kind: Kind, place: Place) =>
      (await clients[kind][place].query(`${FULL}router.address`)).map((row) => String(toPlain(row.get('key')!)));
    const wanted = /^(M(echo|\$management)|L(\$management|qdhello|qdrouter|qdrouter\.ma)|T.*|R.*|H.*)$/;
    for (const place of PLACES) {
      const theirs = (await keys('original', place)).filter((key) => wanted.test(key));
      expect(await keys('ours', place), place).toEqual(expect.arrayContaining(theirs));
    }
  });

  const long = (type: string) => FULL + type;
  it.each<[string, Record<string, string>, Typed?]>([
    ['READ of what there is', { operation: 'READ', type: long('listener'), name: 'amqp' }],
    ['READ of what there is not', { operation: 'READ', type: long('listener'), name: 'none' }],
    ['READ without a name', { operation: 'READ', type: long('listener') }],
    ['READ of the agent', { operation: 'READ' }],
    ['READ of a link', { operation: 'READ', type: long('connection'), identity: '999999' }],
    ['QUERY of an unknown type', { operation: 'QUERY', entityType: 'nothing' }],
    ['CREATE of an unknown type', { operation: 'CREATE', type: 'nothing', name: 'x' }],
    ['CREATE without a type', { operation: 'CREATE', name: 'x' }],
    [
      'CREATE of what is unknown',
      { operation: 'CREATE', type: long('tcpListener'), name: 'x' },
      text({ colour: 'red' }),
    ],
    ['CREATE of a second', { operation: 'CREATE', type: long('sslProfile'), name: 'tls' }],
    ['CREATE of a router', { operation: 'CREATE', type: long('router'), name: 'x' }, text({ id: 'x' })],
    ['CREATE of a link', { operation: 'CREATE', type: long('router.link'), name: 'x' }],
    [
      'CREATE of a proxyProfile',
      { operation: 'CREATE', type: long('proxyProfile'), name: 'p' },
      text({ host: 'h', port: '1' }),
    ],
    ['UPDATE of it', { operation: 'UPDATE', type: long('proxyProfile'), name: 'p' }, text({ port: '2' })],
    ['DELETE of it', { operation: 'DELETE', type: long('proxyProfile'), name: 'p' }],
    ['DELETE of what is gone', { operation: 'DELETE', type: long('proxyProfile'), name: 'p' }],
    ['UPDATE of a level', { operation: 'UPDATE', type: long('log'), name: 'log/HTTP' }, text({ enable: 'warning+' })],
    [
      'UPDATE of what is fixed',
      { operation: 'UPDATE', type: long('log'), name: 'log/HTTP' },
      text({ module: 'SERVER' }),
    ],
    ['DELETE of a level', { operation: 'DELETE', type: long('log'), name: 'log/HTTP' }],
    ['DELETE of the router', { operation: 'DELETE', type: long('router'), name: 'router/A' }],
    ['DELETE of metrics', { operation: 'DELETE', type: long('routerMetrics'), identity: '1' }],
    ['DELETE of a connection', { operation: 'DELETE', type: long('connection'), identity: '1' }],
    ['UPDATE of a link', { operation: 'UPDATE', type: long('router.link'), identity: '1' }, text({ priority: '1' })],
    ['no operation', {}],
    ['an unknown operation', { operation: 'FLY' }],
    ['GET-ANNOTATIONS', { operation: 'GET-ANNOTATIONS' }],
    ['GET-OPERATIONS of an unknown type', { operation: 'GET-OPERATIONS', entityType: 'nothing' }],
    ['GET-LOG', { operation: 'GET-LOG', limit: '2' }],
    ['GET-JSON-SCHEMA', { operation: 'GET-JSON-SCHEMA', indent: '2' }],
  ])('answers with the same status: %s', async (_, properties, body) => {
    const theirs = await clients.original.A.ask(properties, body);
    const ours = await clients.ours.A.ask(properties, body);
    expect({ ...ours, body: ours.body.type }).toMatchObject({ status: theirs.status });
    if (theirs.status === 200) expect(ours.body.type).toBe(theirs.body.type);
  });

  it('forbids to end a connection between routers, as the original does', async () => {
    for (const kind of ['original', 'ours'] as const) {
      const rows = await clients[kind].A.query(long('connection'));
      const link = rows.find((row) => toPlain(row.get('role')!) === 'inter-router')!;
      const properties = { operation: 'UPDATE', type: long('connection'), identity: link.get('identity')! };
      const { status } = await clients[kind].A.ask(properties, text({ adminStatus: 'deleted' }));
      expect(status, kind).toBe(403);
    }
  });

  it('echoes a correlation id in its type', async () => {
    const ids = [amqp.ulong(7), amqp.string('seven'), amqp.uuid('00112233-4455-6677-8899-aabbccddeeff')];
    for (const correlationId of ids) {
      const answer = await clients.ours.A.ask({ operation: 'GET-MGMT-NODES' }, undefined, { correlationId });
      expect(answer.correlationId).toEqual(correlationId);
    }
  });
});

const tools = { skstat: toolOf('skstat'), skmanage: toolOf('skmanage') };

describe.runIf(originalRouter && tools.skstat && tools.skmanage)("the original's tools", { timeout: 180_000 }, () => {
  const run = (program: string, args: readonly string[]) =>
    new Promise<{ failed: boolean; output: string }>((resolve) => {
      execFile(program, args, { timeout: 60_000 }, (error, stdout, stderr) => {
        resolve({ failed: error !== null, output: `${stdout}${stderr}` });
      });
    });

  describe.each<[Kind, Kind, Kind]>([
    ['ours', 'ours', 'ours'],
    ['original', 'ours', 'ours'],
    ['ours', 'original', 'original'],
  ])('with A %s, B %s and E %s', (...kinds) => {
    let network: ManagedNetwork | undefined;
    beforeAll(async () => {
      network = await ManagedNetwork.start(kinds);
    }, 120_000);
    afterAll(async () => await network?.stop());

    /** How each place is named from another one. */
    const named: Record<Place, readonly string[]> = { A: ['-r', 'A'], B: ['-r', 'B'], E: ['-d', 'E'] };

    it('show every view', async () => {
      const failed: string[] = [];
      for (const view of VIEWS) {
        const place = PLACES[VIEWS.indexOf(view) % 2]!;
        const { failed: bad, output } = await run(tools.skstat!, ['-b', `127.0.0.1:${network!.ports[place]}`, ...view]);
        if (bad) failed.push(`${view.join(' ')} at ${place}: ${output.trim()}`);
      }
      expect(failed).toEqual([]);
    });

    it('reach every router from every other', async () => {
      const failed: string[] = [];
      for (const from of PLACES) {
        for (const to of PLACES) {
          const args = ['-b', `127.0.0.1:${network!.ports[from]}`, ...named[to], '-c'];
          const { failed: bad, output } = await run(tools.skstat!, args);
          if (bad || !output.split('\n').includes(to)) failed.push(`${from} to ${to}: ${output.trim()}`);
        }
      }
      expect(failed).toEqual([]);
    });

    it('create, read, change and delete', async () => {
      const at = ['-b', `127.0.0.1:${network!.ports.E}`, '-r', 'B', '--type', 'sslProfile', '--name', 'made'];
      const manage = async (...args: string[]) => {
        const { failed, output } = await run(tools.skmanage!, [...at, ...args]);
        return failed ? output.trim() : output.trim() === '' ? 'done' : JSON.parse(output);
      };
      expect(await manage('create', 'ciphers=DEFAULT')).toMatchObject({ name: 'made', identity: 'sslProfile/made' });
      expect(await manage('update', 'ordinal=3')).toMatchObject({ ordinal: 3 });
      expect(await manage('read')).toMatchObject({ ordinal: 3, ciphers: 'DEFAULT' });
      expect(await manage('delete')).toBe('done');
      expect(await manage('read')).toMatch(/^NotFoundStatus/);
    });

    // They make and change what the original has too: they look into their own schema first.
    it('show and delete access policies, where there are any', async () => {
      const name = 'ClusterAccessPolicy/made';
      const spec = JSON.stringify({ services: [{ names: ['none'] }], rules: [{ action: 'Deny' }] });
      const client = await TypedManagement.connect(network!.ports.B);
      const { status } = await client.ask({ operation: 'CREATE', type: 'accessPolicy', name }, text({ spec }));
      client.close();
      const isOurs = kinds[1] === 'ours';
      expect(status).toBe(isOurs ? 201 : 400);
      const at = ['-b', `127.0.0.1:${network!.ports.E}`, '-r', 'B', '--type', 'accessPolicy'];
      const manage = async (...args: string[]) => await run(tools.skmanage!, [...at, ...args]);
      const shown = await manage('query');
      if (isOurs) expect(JSON.parse(shown.output)).toMatchObject([{ name, spec, connectionsRefused: 0 }]);
      else expect(shown).toMatchObject({ failed: true });
      if (!isOurs) return;
      expect((await manage('delete', '--name', name)).failed).toBe(false);
      expect(JSON.parse((await manage('query')).output)).toEqual([]);
    });
  });
});
