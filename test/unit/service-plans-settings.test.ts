/** Settings of Listeners and MultiKeyListeners: without a Service, tiers of routing keys, session affinity. */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import { planOperations } from '../../site-controller/adaptor/router-diff.ts';
import { planImports } from '../../site-controller/reconcile/import/plan.ts';
import { listenerEntities, planListeners } from '../../site-controller/reconcile/listener/plan.ts';
import { allocatePorts } from '../../site-controller/reconcile/listener/ports.ts';
import { planServices } from '../../site-controller/reconcile/listener/services.ts';
import {
  multiKeyListenerEntities,
  planMultiKeyListeners,
} from '../../site-controller/reconcile/multikeylistener/plan.ts';
import type { Observed, Outcome, RouterEntity } from '../../site-controller/reconcile/observed.ts';
import { observed, remoteSite, resource, routerState, site } from '../support/observed.ts';
import { configMap, foreignService, onKubernetes } from '../support/observed-cluster.ts';

const NO_SERVICE = { 'skuprt.io/service': 'none' };

const listener = (name: string, settings: object = {}, spec: object = {}): Resource =>
  resource('Listener', name, { routingKey: name, host: 'host', port: 8080, settings, ...spec });
const multi = (name: string, settings: object, strategy: object = { priority: { routingKeys: ['a', 'b', 'c'] } }) =>
  resource('MultiKeyListener', name, { host: 'host', port: 8080, strategy, settings });
const withPorts = (seen: Observed): Observed => ({ ...seen, ports: allocatePorts(seen) });
const entities = (seen: Observed) => [...listenerEntities(seen), ...multiKeyListenerEntities(seen)];
const attributes = (list: readonly RouterEntity[], type: string) =>
  list.filter(([of]) => of === type).map(([, found]) => found);

function configured(outcomes: Outcome[]): string[] {
  return outcomes.map(({ resource: { metadata }, findings }) => {
    const { status, reason, message } = findings[0]!;
    return `${metadata.name} ${status === 'True' ? 'OK' : `${reason}: ${message}`}`;
  });
}

/** As `shown` by a router that took all of them. */
function operations(before: readonly RouterEntity[], after: readonly RouterEntity[]) {
  const wanted = after.map(([type, found]) => ({ type, name: String(found.name), attributes: found }) as never);
  const shown = Object.fromEntries(
    ['tcpListener', 'listenerAddress', 'tcpConnector'].map((type) => [
      type,
      attributes(before, type).map((found) => ({ ...found, identity: found.name })),
    ]),
  );
  return planOperations(wanted, shown);
}

describe('a listener without a Service', () => {
  it('has a port of the routers and no Service', () => {
    const seen = withPorts(onKubernetes([site(), listener('x', NO_SERVICE), multi('y', NO_SERVICE)]));
    expect(planServices(seen).objects).toEqual([]);
    expect(attributes(entities(seen), 'tcpListener')).toMatchObject([
      { name: 'listener/x', host: '', port: seen.ports.get('listener/x') },
      { name: 'multiAddress/y', host: '', port: seen.ports.get('multiAddress/y') },
    ]);
    expect(configured(planListeners(seen))).toEqual(['x OK']);
  });

  it('claims no host and port: neither from another, nor from a Service, nor by their form', () => {
    const resources = [
      listener('one', NO_SERVICE),
      listener('two', NO_SERVICE),
      listener('three', {}),
      listener('four', NO_SERVICE, { host: 'Not a name' }),
      listener('five', NO_SERVICE, { host: 'taken' }),
      multi('six', NO_SERVICE),
    ];
    const seen = withPorts(onKubernetes([site(), ...resources], { objects: [foreignService('taken')] }));
    expect(configured(planListeners(seen))).toEqual(['five OK', 'four OK', 'one OK', 'three OK', 'two OK']);
    expect(configured(planMultiKeyListeners(seen))).toEqual(['six OK']);
    expect(planServices(seen).objects.map(({ metadata }) => metadata.name)).toEqual(['host']);
    expect(new Set(seen.ports.values()).size).toBe(6);
  });

  it('lets a service of another site be imported at its host', () => {
    const east = remoteSite('east', { services: [{ address: 'host', protocol: 'tcp', port: 80 }] });
    const network = { sites: [east], settled: true, gone: new Set<string>() };
    const imported = planImports(onKubernetes([site(), listener('x', NO_SERVICE)], {}, { network }));
    expect(imported.apply.map(({ spec }) => spec.host)).toEqual(['host']);
  });

  it('keeps its port when nothing but the configuration, or a router, remembers it', () => {
    const resources = [site(), listener('x', NO_SERVICE)];
    const fresh = allocatePorts(onKubernetes(resources)).get('listener/x')!;
    const config = configMap('skupper-router', [['tcpListener', { name: 'listener/x', port: fresh + 7 }]]);
    expect(allocatePorts(onKubernetes(resources, { objects: [config] })).get('listener/x')).toBe(fresh + 7);
    const state = { operStatus: 'up', message: '', port: fresh + 9 };
    const routers = new Map([['pod', routerState({ listeners: new Map([['listener/x', state]]) })]]);
    expect(allocatePorts(onKubernetes(resources, { routers })).get('listener/x')).toBe(fresh + 9);
  });

  it('keeps its port when it gets a Service, and when it loses it', () => {
    const first = withPorts(onKubernetes([site(), listener('x', NO_SERVICE)]));
    const objects = [configMap('skupper-router', entities(first))];
    const second = withPorts(onKubernetes([site(), listener('x')], { objects }));
    expect(second.ports).toEqual(first.ports);
    expect(planServices(second).objects).toHaveLength(1);
  });

  it('has no Services of its pods either', () => {
    const east = remoteSite('east', {
      connectors: [{ name: 'x@pod-0', routingKey: 'x.pod-0', host: '10.0.0.1', port: 80 }],
    });
    const network = { sites: [east], settled: true, gone: new Set<string>() };
    const spec = { exposePodsByName: true };
    const names = (settings: object) =>
      planServices(withPorts(onKubernetes([site(), listener('x', settings, spec)], {}, { network }))).objects.map(
        ({ metadata }) => metadata.name,
      );
    expect(names({})).toEqual(['host', 'pod-0']);
    expect(names(NO_SERVICE)).toEqual([]);
  });

  it('listens at its host and port on platform local, where nothing else leads to it', () => {
    const seen = observed([site(), listener('x', NO_SERVICE)]);
    expect(attributes(entities(seen), 'tcpListener')).toMatchObject([{ host: 'host', port: 8080 }]);
  });
});

describe('tiers of a MultiKeyListener', () => {
  const tiers = (value: unknown) => ({ 'skuprt.io/tiers': typeof value === 'string' ? value : JSON.stringify(value) });
  const addresses = (settings: object) =>
    attributes(multiKeyListenerEntities(observed([site(), multi('m', settings)])), 'listenerAddress').map(
      ({ address, value, weight }) => [address, value, weight],
    );

  it('give each routing key the priority of its tier and its weight', () => {
    expect(addresses(tiers([{ b: 3, a: 1 }, { c: 5 }]))).toEqual([
      ['a', 1, 1],
      ['b', 1, 3],
      ['c', 0, 5],
    ]);
  });

  it('are not there: priorities by order, and no weight', () => {
    const plain = addresses({});
    expect(plain).toEqual([
      ['a', 2, undefined],
      ['b', 1, undefined],
      ['c', 0, undefined],
    ]);
    const entity = multiKeyListenerEntities(observed([site(), multi('m', {})]))[1]![1];
    expect(Object.keys(entity)).toEqual(['name', 'address', 'value', 'listener']);
  });

  it.each([
    ['{', 'is not JSON'],
    ['{}', 'is not a list of objects'],
    ['[]', 'is not a list of objects'],
    [[{ a: 1, b: 1, c: 1 }, []], 'tier 2 is not an object'],
    [[{ a: 1, b: 1, c: 1 }, {}], 'tier 2 is empty'],
    [[{ a: 1, b: 1 }], '"c" of spec.strategy.priority.routingKeys stands in no tier'],
    [[{ a: 1, b: 1, c: 1 }, { x: 1 }], 'tier 2: "x" is not among spec.strategy.priority.routingKeys'],
    [[{ a: 1, b: 1, c: 1 }, { a: 1 }], 'tier 2: "a" stands in two tiers'],
    [[{ a: 0, b: 1, c: 1 }], 'tier 1: the weight of "a" is not a whole number from 1 to 1000000'],
    [[{ a: 1.5, b: 1, c: 1 }], 'the weight of "a" is not'],
    [[{ a: '1', b: 1, c: 1 }], 'the weight of "a" is not'],
    [[{ a: 1_000_001, b: 1, c: 1 }], 'the weight of "a" is not'],
    [[{ toString: 1, a: 1, b: 1, c: 1 }], '"toString" is not among'],
  ])('%j are refused by what is wrong with them, and the router gets nothing', (value, message) => {
    const seen = observed([site(), multi('m', tiers(value))]);
    expect(configured(planMultiKeyListeners(seen))[0]).toContain(`m Error: settings.skuprt.io/tiers: `);
    expect(configured(planMultiKeyListeners(seen))[0]).toContain(message);
    expect(multiKeyListenerEntities(seen)).toEqual([]);
  });

  it('need a strategy of priority', () => {
    const seen = observed([site(), multi('m', tiers([{ a: 1 }]), { weighted: { routingKeys: { a: 1 } } })]);
    expect(configured(planMultiKeyListeners(seen))).toEqual([
      'm Error: settings.skuprt.io/tiers: tiers need spec.strategy.priority',
    ]);
  });

  it('leave what is told of reachable keys as it is', () => {
    const router = routerState({
      consumers: new Map([
        ['c', 1],
        ['b', 2],
      ]),
    });
    const statuses = [{}, tiers([{ c: 1 }, { a: 1, b: 1 }])].map(
      (settings) => planMultiKeyListeners(observed([site(), multi('m', settings)], { router }))[0]!.status,
    );
    expect(statuses[0]).toEqual({ hasDestination: true, strategy: { priority: { routingKeysReachable: ['b', 'c'] } } });
    expect(statuses[1]).toEqual(statuses[0]);
  });

  it('change in place, and so do weights that come and go', () => {
    const of = (settings: object) => entities(observed([site(), multi('m', settings)]));
    const before = of(tiers([{ a: 1, b: 1 }, { c: 1 }]));
    const after = of(tiers([{ a: 1, b: 7 }, { c: 1 }]));
    expect(operations(before, after)).toMatchObject([
      { op: 'update', entity: { name: 'multiAddress/m/b' }, attributes: { weight: 7 } },
    ]);
    expect(operations(after, after)).toEqual([]);
    expect(operations(of({}), of({}))).toEqual([]);
    const ops = operations(after, of({}));
    expect(ops.map(({ op }) => op)).toEqual(['update', 'update']);
    expect(ops).toMatchObject([{ attributes: { value: 2 } }, { attributes: { weight: 1 } }]);
  });
});

describe('session affinity', () => {
  const AFFINITY = { 'skuprt.io/session-affinity': 'ClientIP' };

  it('is an attribute of the tcpListener, where it is asked for', () => {
    const of = (settings: object) =>
      attributes(
        entities(observed([site(), listener('x', settings, { port: 1 }), multi('m', settings)])),
        'tcpListener',
      ).map(({ sessionAffinity }) => sessionAffinity);
    expect(of(AFFINITY)).toEqual(['clientIP', 'clientIP']);
    expect(of({ 'skuprt.io/session-affinity': 'None' })).toEqual([undefined, undefined]);
    expect(of({})).toEqual([undefined, undefined]);
  });

  it('comes and goes in place', () => {
    const of = (settings: object) => entities(observed([site(), listener('x', settings)]));
    expect(operations(of({}), of(AFFINITY))).toMatchObject([
      { op: 'update', attributes: { sessionAffinity: 'clientIP' } },
    ]);
    expect(operations(of(AFFINITY), of({}))).toMatchObject([{ op: 'update', attributes: { sessionAffinity: 'none' } }]);
    expect(operations(of(AFFINITY), of(AFFINITY))).toEqual([]);
  });

  it('is refused by another name, as is a Service of another kind', () => {
    const seen = observed([
      site(),
      listener('x', { 'skuprt.io/session-affinity': 'cookie' }),
      listener('y', { 'skuprt.io/service': 'headless' }, { port: 1 }),
    ]);
    expect(configured(planListeners(seen))).toEqual([
      'x Error: settings.skuprt.io/session-affinity: "cookie" is not possible, only "ClientIP" or "None"',
      'y Error: settings.skuprt.io/service: "headless" is not possible, only "none"',
    ]);
    expect(entities(seen)).toEqual([]);
  });
});
