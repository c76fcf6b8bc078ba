/** From what a router has to what it shall have: a model of a router reaches it from any state, without touching what stays. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Attributes,
  isLeftAlone,
  MANAGED_TYPES,
  type ManagedType,
} from '../../site-controller/adaptor/entity-types.ts';
import {
  differences,
  hiddenOf,
  keyOf,
  planOperations,
  type RouterOperation,
  type ShownEntities,
  type WantedEntity,
} from '../../site-controller/adaptor/router-diff.ts';

const entity = (type: ManagedType, name: string, attributes: Attributes): WantedEntity => ({
  type,
  name,
  attributes: type === 'address' ? { prefix: name, ...attributes } : { name, ...attributes },
});

/** A router that refuses what a real one refuses: doubles, unknown references, profiles in use, ports taken. */
class ModelRouter {
  readonly entities = new Map<string, WantedEntity>();
  readonly refusals: string[] = [];
  touched = new Set<string>();

  constructor(entities: readonly WantedEntity[]) {
    for (const one of entities) this.entities.set(keyOf(one), one);
  }

  shown(): ShownEntities {
    const of = (type: ManagedType) => [...this.entities.values()].filter((one) => one.type === type);
    return Object.fromEntries(
      MANAGED_TYPES.map((type) => [
        type,
        of(type).map((one) => ({ ...one.attributes, password: null, identity: `id/${keyOf(one)}` })),
      ]),
    );
  }

  apply(operation: RouterOperation): void {
    const key = keyOf(operation.op === 'delete' ? operation : operation.entity);
    this.touched.add(key);
    if (operation.op === 'delete') this.remove(key);
    else if (operation.op === 'update') this.change(key, operation.attributes);
    else this.add(operation.entity);
  }

  private add(one: WantedEntity): void {
    const { sslProfile, listener, port } = one.attributes;
    if (this.entities.has(keyOf(one))) this.refusals.push(`${keyOf(one)} exists`);
    if (sslProfile && !this.entities.has(`sslProfile/${sslProfile}`)) this.refusals.push(`${keyOf(one)}: no profile`);
    if (listener && !this.entities.has(`tcpListener/${listener}`)) this.refusals.push(`${keyOf(one)}: no listener`);
    const isTaken =
      one.type === 'tcpListener' && this.some((other) => other.type === one.type && other.attributes.port === port);
    if (isTaken) this.refusals.push(`${keyOf(one)}: port taken`);
    this.entities.set(keyOf(one), one);
  }

  private change(key: string, attributes: Attributes): void {
    const one = this.entities.get(key);
    if (one === undefined) this.refusals.push(`${key}: update of nothing`);
    else this.entities.set(key, { ...one, attributes: { ...one.attributes, ...attributes } });
  }

  private remove(key: string): void {
    const [type, ...name] = key.split('/');
    if (!this.entities.delete(key)) this.refusals.push(`${key}: deletion of nothing`);
    if (type === 'sslProfile' && this.some(({ attributes }) => attributes.sslProfile === name.join('/'))) {
      this.refusals.push(`${key} in use`);
    }
    if (type !== 'tcpListener') return;
    for (const [other, { attributes }] of this.entities)
      if (attributes.listener === name.join('/')) this.entities.delete(other);
  }

  private some(test: (one: WantedEntity) => boolean): boolean {
    return [...this.entities.values()].some(test);
  }
}

/** Sound configurations: names are few, so that two of them share many. */
const configuration = fc
  .record({
    profiles: fc.uniqueArray(fc.constantFrom('a', 'b', 'c-profile'), { maxLength: 3 }),
    ordinals: fc.array(fc.nat(3), { minLength: 3, maxLength: 3 }),
    listeners: fc.uniqueArray(fc.constantFrom('l1', 'l2', 'l3'), { maxLength: 3 }),
    ports: fc.uniqueArray(fc.integer({ min: 1024, max: 1028 }), { minLength: 3, maxLength: 3 }),
    strategies: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    connectors: fc.uniqueArray(fc.constantFrom('k1', 'k2', 'auto-mesh-1'), { maxLength: 3 }),
    costs: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 3 }),
    hosts: fc.array(fc.constantFrom('h1', 'h2'), { minLength: 3, maxLength: 3 }),
    backends: fc.uniqueArray(fc.constantFrom('t1', 't2'), { maxLength: 2 }),
    access: fc.boolean(),
    password: fc.constantFrom('', 'one', 'two'),
  })
  .map((draw): WantedEntity[] => {
    const profile = (index: number): Attributes =>
      draw.profiles.length === 0 ? {} : { sslProfile: draw.profiles[index % draw.profiles.length]! };
    return [
      entity('address', 'mc', { distribution: 'multicast' }),
      entity('listener', 'amqp', { host: 'localhost', port: 5672 }),
      ...draw.profiles.map((name, at) =>
        entity('sslProfile', name, { caCertFile: `/c/${name}`, ordinal: draw.ordinals[at]! }),
      ),
      ...(draw.password ? [entity('proxyProfile', 'p', { host: 'h', port: 1, password: draw.password })] : []),
      ...draw.listeners.flatMap((name, at) => {
        const strategy: Attributes = draw.strategies[at] ? { multiAddressStrategy: 'priority' } : { address: name };
        const attributes = { port: String(draw.ports[at]), ...strategy, ...profile(at) };
        const value = entity('listenerAddress', `${name}-x`, { address: 'x', value: at, listener: name });
        return [entity('tcpListener', name, attributes), ...(draw.strategies[at] ? [value] : [])];
      }),
      ...draw.backends.map((name, at) =>
        entity('tcpConnector', name, { host: draw.hosts[at]!, port: '80', address: 'x' }),
      ),
      ...draw.connectors.map((name, at) =>
        entity('connector', name, { host: draw.hosts[at]!, port: '55671', cost: draw.costs[at]!, ...profile(at + 1) }),
      ),
      ...(draw.access ? [entity('listener', 'access-inter-router', { port: 55671, ...profile(2) })] : []),
    ];
  });

/** They stay with those who use them, and only then. */
function profilesOfMesh(entities: readonly WantedEntity[]): Set<string> {
  const mesh = entities.filter(({ name }) => name.startsWith('auto-mesh'));
  return new Set(mesh.map(({ attributes }) => `sslProfile/${attributes.sslProfile}`));
}

describe('the difference of a router', () => {
  it('leads from any state to any other, in an order that the router accepts', () => {
    fc.assert(
      fc.property(configuration, configuration, (before, after) => {
        const router = new ModelRouter(before);
        const hidden = new Map<string, string>();
        for (const operation of planOperations(after, router.shown())) {
          router.apply(operation);
          if (operation.op !== 'delete') hidden.set(keyOf(operation.entity), hiddenOf(operation.entity));
        }
        expect(router.refusals).toEqual([]);
        expect(planOperations(after, router.shown(), { hidden, tolerated: new Set() })).toEqual([]);
        expect(differences(after, router.shown())).toEqual([]);
        const kept = profilesOfMesh(before);
        const managed = (keys: Iterable<string>) =>
          [...keys].filter((key) => !/auto-mesh|listener\/amqp/.test(key) && !kept.has(key)).sort();
        expect(managed(router.entities.keys())).toEqual(managed(after.map(keyOf)));
      }),
      { numRuns: 1000, seed: 4 },
    );
  });

  it('touches nothing that stays the same, and nothing that is not its own', () => {
    fc.assert(
      fc.property(configuration, configuration, (before, after) => {
        const router = new ModelRouter(before);
        const present = new Map(router.entities);
        for (const operation of planOperations(after, router.shown())) router.apply(operation);
        for (const one of [...before, ...after]) {
          const isSame = JSON.stringify(present.get(keyOf(one))) === JSON.stringify(one);
          const isSecret = hiddenOf(one) !== '';
          const hangs = one.type === 'listenerAddress';
          if (isSame && after.includes(one) && !isSecret && !hangs) expect(router.touched.has(keyOf(one))).toBe(false);
          if (isLeftAlone(one.type, one.name)) expect(router.touched.has(keyOf(one))).toBe(false);
        }
      }),
      { numRuns: 500, seed: 4 },
    );
  });

  const connector = (more: Attributes = {}) =>
    entity('connector', 'link', { host: 'h', port: '55671', cost: 1, ...more });
  const profile = (more: Attributes = {}) =>
    entity('sslProfile', 's', { caCertFile: '/c/ca.crt', ordinal: 1, ...more });
  const ops = (after: WantedEntity[], before: WantedEntity[], frozen: string[] = []) =>
    planOperations(after, new ModelRouter(before).shown(), undefined, new Set(frozen)).map((operation) =>
      operation.op === 'update' ? `update ${JSON.stringify(operation.attributes)}` : operation.op,
    );

  it.each([
    ['a new cost of a link, in place', [connector({ cost: 5 })], [connector()], ['update {"cost":5}']],
    ['a new host of a link, anew', [connector({ host: 'g' })], [connector()], ['delete', 'create']],
    ['a new ordinal, in place', [profile({ ordinal: 2 })], [profile()], ['update {"ordinal":2}']],
    [
      'an attribute that is gone, to its default',
      [profile()],
      [profile({ certFile: '/x' })],
      ['update {"certFile":""}'],
    ],
    [
      'values written in another way, not at all',
      [connector({ port: 55671, verifyHostname: 'yes' })],
      [connector()],
      [],
    ],
    ['an unknown connector, away', [], [connector()], ['delete']],
    ['a connector of the mesh, not at all', [], [entity('connector', 'auto-mesh-1', { host: 'h' })], []],
    ['the file of the start, not at all', [], [entity('listener', '@9090', { port: 9090 })], []],
  ])('%s', (_name, after, before, expected) => {
    expect(ops(after, before)).toEqual(expected);
  });

  it('leaves what is frozen, be it there or not', () => {
    expect(ops([connector({ host: 'g' })], [connector()], ['connector/link'])).toEqual([]);
    expect(ops([connector()], [], ['connector/link'])).toEqual([]);
  });

  it('gives a hidden value again only when it is another than was given', () => {
    const proxy = entity('proxyProfile', 'p', { host: 'h', port: 1, password: 'one' });
    const shown = new ModelRouter([proxy]).shown();
    const operations = (given: string) =>
      planOperations([proxy], shown, { hidden: new Map([['proxyProfile/p', given]]), tolerated: new Set() });
    expect(operations(hiddenOf(proxy))).toEqual([]);
    expect(operations('["two"]')).toMatchObject([{ op: 'update', attributes: { password: 'one' } }]);
  });
});
