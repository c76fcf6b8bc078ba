/** Listeners on Kubernetes: the Services by which pods find them, the ports of the router behind these, and what they say. */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { parseConfig } from '../../router/management/config.ts';
import { decodeMessage } from '../../site-controller/exchange/record.ts';
import { planConnectors } from '../../site-controller/reconcile/connector/plan.ts';
import { listenerEntities, planListeners } from '../../site-controller/reconcile/listener/plan.ts';
import { allocatePorts } from '../../site-controller/reconcile/listener/ports.ts';
import { planServices } from '../../site-controller/reconcile/listener/services.ts';
import {
  multiKeyListenerEntities,
  planMultiKeyListeners,
} from '../../site-controller/reconcile/multikeylistener/plan.ts';
import type { Observed, Outcome } from '../../site-controller/reconcile/observed.ts';
import { statusFrom } from '../../site-controller/reconcile/outcomes.ts';
import { ownContent } from '../../site-controller/reconcile/own-content.ts';
import { activeSite } from '../../site-controller/reconcile/site/identity.ts';
import type { ClusterParts } from '../support/cluster.ts';
import { credential, NOW, remoteSite, resource, routerState, SITE_UID, site } from '../support/observed.ts';
import { applied, configMap, foreignService, onKubernetes } from '../support/observed-cluster.ts';

const listener = (name: string, spec: object = {}, metadata: object = {}): Resource =>
  resource('Listener', name, { routingKey: name, host: name, port: 8080, ...spec }, metadata);
const LATER = { creationTimestamp: '2026-03-02T00:00:00Z' };

/** With the ports that a pass would give out. */
function state(resources: Resource[], cluster: ClusterParts = {}, parts: Partial<Observed> = {}): Observed {
  const seen = onKubernetes(resources, cluster, parts);
  return { ...seen, ports: allocatePorts(seen) };
}

function configured(outcomes: Outcome[], name: string): string {
  const outcome = outcomes.find(({ resource: found }) => found.metadata.name === name)!;
  const { status, reason, message } = outcome.findings[0]!;
  return status === 'True' ? 'OK' : `${reason}: ${message}`;
}

function serviceOf(seen: Observed, name: string): KubeObject | undefined {
  return planServices(seen).objects.find(({ metadata }) => metadata.name === name);
}

function servicePorts(seen: Observed, name: string): unknown {
  return (serviceOf(seen, name)?.spec as { ports: unknown } | undefined)?.ports;
}

const entityNames = (seen: Observed) => listenerEntities(seen).map(([, { name }]) => name);
const network = (...sites: ReturnType<typeof remoteSite>[]) => ({ sites, settled: true, gone: new Set<string>() });
const ofPods = (key: string, ...pods: string[]) =>
  remoteSite('east', {
    connectors: [
      { name: 'db', routingKey: key, host: '', port: 5432 },
      ...pods.map((name) => ({ name: `db@${name}`, routingKey: `${key}.${name}`, host: '10.0.0.1', port: 5432 })),
    ],
  });

describe('a Listener on Kubernetes', () => {
  it('is a Service that leads to a port of the routers', () => {
    const seen = state([site(), listener('web', { host: 'shop', routingKey: 'web-key' })]);
    const port = seen.ports.get('listener/web')!;
    expect(listenerEntities(seen)).toEqual([
      ['tcpListener', { name: 'listener/web', host: '', port, address: 'web-key', siteId: SITE_UID }],
    ]);
    expect(serviceOf(seen, 'shop')).toMatchObject({
      metadata: { namespace: 'ns-west', labels: { 'internal.skupper.io/listener': 'web' } },
      spec: {
        selector: { application: 'skupper-router', 'skupper.io/component': 'router' },
        ipFamilyPolicy: 'PreferDualStack',
        ports: [{ name: 'web', port: 8080, targetPort: port, protocol: 'TCP' }],
      },
    });
  });

  it('shares a Service with others of the same host', () => {
    const seen = state([
      site(),
      listener('http', { host: 'shop', port: 80 }),
      listener('https', { host: 'shop', port: 443 }),
    ]);
    expect(planServices(seen).objects).toHaveLength(1);
    expect(servicePorts(seen, 'shop')).toMatchObject([
      { name: 'http', port: 80, targetPort: seen.ports.get('listener/http') },
      { name: 'https', port: 443, targetPort: seen.ports.get('listener/https') },
    ]);
  });

  it.each(['shop', 'shop.ns-west', 'shop.ns-west.svc', 'shop.ns-west.svc.cluster.local'])(
    'finds its Service in the host "%s"',
    (host) => {
      const seen = state([site(), listener('web', { host })]);
      expect(configured(planListeners(seen), 'web')).toBe('OK');
      expect(serviceOf(seen, 'shop')).toBeDefined();
    },
  );

  it.each([
    ['Shop', 'host "Shop" cannot be the name of a Service'],
    ['1shop', 'host "1shop" cannot be the name of a Service'],
    ['shop_a', 'host "shop_a" cannot be the name of a Service'],
    ['10.0.0.1', 'host "10.0.0.1" cannot be the name of a Service'],
    ['a'.repeat(64), 'cannot be the name of a Service'],
    ['shop.example.com', 'host "shop.example.com" cannot be the name of a Service'],
    ['shop.ns-east', 'names a Service of namespace ns-east; a site makes Services in its own only (ns-west)'],
    ['shop.ns-east.svc.cluster.local', 'names a Service of namespace ns-east'],
  ])('names at once that "%s" cannot be its host', (host, text) => {
    const seen = state([site(), listener('web', { host }), listener('good')]);
    expect(configured(planListeners(seen), 'web')).toContain(text);
    expect(planServices(seen).faults.get('Listener/web')).toContain(text);
    expect(planServices(seen).objects.map(({ metadata }) => metadata.name)).toEqual(['good']);
    expect(entityNames(seen)).toEqual(['listener/good']);
  });

  it('never takes a Service of somebody else', () => {
    const seen = state([site(), listener('web')], { objects: [foreignService('web')] });
    expect(configured(planListeners(seen), 'web')).toBe('Error: Service web already exists in namespace');
    expect(planServices(seen).objects).toEqual([]);
    expect(entityNames(seen)).toEqual([]);
  });

  it.each(['skupper-router-local', 'skupper-router'])(
    'never takes the Service %s, by which the site is reached',
    (host) => {
      const access = resource('RouterAccess', 'skupper-router', {
        roles: [{ name: 'inter-router' }],
        tlsCredentials: 'skupper-site-server',
      });
      const seen = state([site(), access, listener('web', { host })]);
      expect(configured(planListeners(seen), 'web')).toBe(`Error: Service ${host} already exists in namespace`);
    },
  );

  it('goes on with a Service of its own, and with one that Skupper made for this site', () => {
    const before = state([site(), listener('web')]);
    const ours = applied(serviceOf(before, 'web')!);
    const skupper = {
      ...ours,
      metadata: { ...ours.metadata, labels: { 'internal.skupper.io/listener': 'web' } },
    };
    for (const object of [ours, skupper]) {
      const seen = state([site(), listener('web')], { objects: [object] });
      expect(configured(planListeners(seen), 'web')).toBe('OK');
      expect(planServices(seen)).toEqual(planServices(before));
    }
  });

  it('has no Service any more once its host changed', () => {
    const seen = state([site(), listener('web', { host: 'new' })], {
      objects: [applied(serviceOf(state([site(), listener('web')]), 'web')!)],
    });
    expect(planServices(seen).objects.map(({ metadata }) => metadata.name)).toEqual(['new']);
  });

  it('leaves host and port to the older of two, however the host is written', () => {
    const young = listener('a', { host: 'shop.ns-west' }, LATER);
    const seen = state([site(), young, listener('b', { host: 'shop' })]);
    expect(configured(planListeners(seen), 'a')).toBe(
      'Error: Listener b with host shop.ns-west and port 8080 already exists in namespace',
    );
    expect(configured(planListeners(seen), 'b')).toBe('OK');
    expect(entityNames(seen)).toEqual(['listener/b']);
  });

  it('keeps its Service and port while its TLS material is missing', () => {
    const tls = [site(), listener('web', { tlsCredentials: 'web-tls' })];
    const without = state(tls);
    expect(configured(planListeners(without), 'web')).toBe('Error: TLS credentials secret "web-tls" not found');
    expect(entityNames(without)).toEqual([]);
    expect(serviceOf(without, 'web')).toBeDefined();
    const credentials = new Map([['web-tls', credential('web-tls')]]);
    const later = state(tls, {}, { credentials });
    expect(planServices(later).objects).toEqual(planServices(without).objects);
    expect(listenerEntities(later)[0]![1]).toMatchObject({ sslProfile: 'web-tls' });
  });

  it('does nothing without a site, and with a protocol that routers do not carry', () => {
    const alone = state([listener('web')]);
    expect(configured(planListeners(alone), 'web')).toBe('Error: No active site in namespace');
    expect(planServices(alone).objects).toEqual([]);
    const udp = state([site(), listener('web', { type: 'udp' })]);
    expect(configured(planListeners(udp), 'web')).toBe('Error: type "udp" is not supported, only tcp');
    expect(planServices(udp).objects).toEqual([]);
  });

  it('writes that nobody matches, as well as that somebody does', () => {
    const router = routerState({ consumers: new Map([['web', 1]]) });
    expect(planListeners(state([site(), listener('web')], {}, { router }))[0]!.status).toEqual({
      hasMatchingConnector: true,
    });
    const none = planListeners(state([site(), listener('web')], {}, { router: routerState() }))[0]!;
    expect(statusFrom(none, NOW)).toMatchObject({ hasMatchingConnector: false, status: 'Pending' });
  });

  it('believes the other sites where its router does not see far: at the edge, or not there yet', () => {
    const told = network(remoteSite('east', { connectors: [{ name: 'w', routingKey: 'web', host: 'w', port: 1 }] }));
    const matched = (edge: boolean, router: Observed['router']) =>
      planListeners(state([site({ edge }), listener('web')], {}, { router, network: told }))[0]!.status;
    expect(matched(true, routerState())).toEqual({ hasMatchingConnector: true });
    expect(matched(false, undefined)).toEqual({ hasMatchingConnector: true });
    expect(matched(false, routerState())).toEqual({ hasMatchingConnector: false });
  });

  it('has a routing key that the other sites can be told', () => {
    const long = 'k'.repeat(257);
    const connector = resource('Connector', 'c', { routingKey: long, host: 'h'.repeat(600), port: 80 });
    const strategy = { priority: { routingKeys: ['a', long] } };
    const multi = resource('MultiKeyListener', 'm', { host: 'm', port: 80, strategy });
    const seen = state([site(), listener('web', { routingKey: long }), connector, multi]);
    for (const outcomes of [planListeners(seen), planConnectors(seen), planMultiKeyListeners(seen)]) {
      expect(outcomes[0]!.findings[0]!.message).toMatch(
        /^routing key "kkk.*" has 257 characters, at most 256 are possible$/,
      );
    }
    const message = { v: 1, type: 'record', instance: 1, seq: 1, ...ownContent(seen, activeSite(seen)!) };
    expect(() => decodeMessage(JSON.stringify(message))).not.toThrow();
  });

  it('gives a port of a Service a name that it may have', () => {
    const long = 'a'.repeat(70);
    const seen = state([site(), listener(long, { host: 'x' }), listener('a.b', { host: 'y' })]);
    const names = planServices(seen).objects.map(
      (service) => (service.spec as { ports: { name: string }[] }).ports[0]!.name,
    );
    for (const name of names) expect(name).toMatch(/^listener-[0-9a-f]{8}$/);
    expect(serviceOf(seen, 'x')!.metadata.labels!['internal.skupper.io/listener']!.length).toBeLessThan(64);
    expect(serviceOf(seen, 'y')!.metadata.labels).toEqual({ 'internal.skupper.io/listener': 'a.b' });
  });
});

describe('a Listener that offers pods by name', () => {
  const byName = (name = 'db', spec: object = {}, metadata: object = {}) =>
    listener(name, { routingKey: 'db', port: 5432, exposePodsByName: true, observer: 'none', ...spec }, metadata);

  it('has a Service and a port of the router for each pod that the other sites name', () => {
    const seen = state(
      [site(), byName()],
      {},
      { network: network(ofPods('db', 'db-0', 'db-1')), router: routerState() },
    );
    expect(planServices(seen).objects.map(({ metadata }) => metadata.name)).toEqual(['db', 'db-0', 'db-1']);
    expect(listenerEntities(seen)).toMatchObject([
      ['tcpListener', { name: 'listener/db', address: 'db', observer: 'none' }],
      ['tcpListener', { name: 'listener/db@db-0', address: 'db.db-0', observer: 'none' }],
      ['tcpListener', { name: 'listener/db@db-1', address: 'db.db-1', port: seen.ports.get('listener/db@db-1') }],
    ]);
    expect(servicePorts(seen, 'db-1')).toMatchObject([{ port: 5432, targetPort: seen.ports.get('listener/db@db-1') }]);
  });

  it('has them of the router too, for sites that tell nothing; an address that a connector has is none of a pod', () => {
    const router = routerState({
      consumers: new Map([
        ['db.db-0', 1],
        ['db.gone', 0],
        ['db.metrics', 1],
        ['other.x', 1],
      ]),
    });
    const told = network(
      remoteSite('east', { connectors: [{ name: 'm', routingKey: 'db.metrics', host: 'm', port: 1 }] }),
    );
    expect(entityNames(state([site(), byName()], {}, { router, network: told }))).toEqual([
      'listener/db',
      'listener/db@db-0',
    ]);
  });

  it('lets a pod that is gone go, Service, entity and port, in one pass', () => {
    const before = state(
      [site(), byName()],
      {},
      { network: network(ofPods('db', 'db-0', 'db-1')), router: routerState() },
    );
    const objects = [
      configMap('skupper-router', listenerEntities(before)),
      ...planServices(before).objects.map(applied),
    ];
    const after = state(
      [site(), byName()],
      { objects },
      { network: network(ofPods('db', 'db-1')), router: routerState() },
    );
    expect(entityNames(after)).toEqual(['listener/db', 'listener/db@db-1']);
    expect(planServices(after).objects.map(({ metadata }) => metadata.name)).toEqual(['db', 'db-1']);
    expect(after.ports.has('listener/db@db-0')).toBe(false);
    expect(after.ports.get('listener/db@db-1')).toBe(before.ports.get('listener/db@db-1'));
  });

  it('lets no pod go while not everyone had time to speak', () => {
    const before = state([site(), byName()], {}, { network: network(ofPods('db', 'db-0')), router: routerState() });
    const objects = [configMap('skupper-router', listenerEntities(before))];
    const silent = { sites: [], settled: false, gone: new Set<string>() };
    const after = state([site(), byName()], { objects }, { network: silent, router: routerState() });
    expect(entityNames(after)).toEqual(['listener/db', 'listener/db@db-0']);
  });

  it('says which pod it cannot offer, and goes on with the others', () => {
    const resources = [
      site(),
      byName('db', {}, LATER),
      listener('taken', { host: 'db-1', port: 5432 }),
      byName('second', { host: 'second' }, { creationTimestamp: '2026-03-03T00:00:00Z' }),
    ];
    const seen = state(
      resources,
      { objects: [foreignService('db-0')] },
      { network: network(ofPods('db', 'db-0', 'db-1', 'db-2', '3.db')), router: routerState() },
    );
    expect(configured(planListeners(seen), 'db')).toBe(
      'Error: pod 3.db: its name cannot be that of a Service; pod db-0: Service db-0 already exists in namespace; ' +
        'pod db-1: Listener taken with host db-1 and port 5432 already exists in namespace',
    );
    expect(configured(planListeners(seen), 'second')).toContain('and port 5432 already exists in namespace; 1 more');
    expect(entityNames(seen)).toEqual(['listener/db', 'listener/db@db-2', 'listener/second', 'listener/taken']);
  });

  it('shares the Service of a pod with another Listener of another port', () => {
    const metrics = byName('metrics', { routingKey: 'metrics', port: 9187 });
    const told = network(ofPods('db', 'db-0'), { ...ofPods('metrics', 'db-0') });
    const seen = state([site(), byName(), metrics], {}, { network: told, router: routerState() });
    expect(servicePorts(seen, 'db-0')).toMatchObject([
      { name: 'db', port: 5432 },
      { name: 'metrics', port: 9187 },
    ]);
  });
});

describe('a MultiKeyListener on Kubernetes', () => {
  const multi = (name: string, strategy: object, spec: object = {}) =>
    resource('MultiKeyListener', name, { host: name, port: 80, strategy, ...spec });

  it('has a Service, a port of the router, and its addresses', () => {
    const seen = state([site(), multi('all', { priority: { routingKeys: ['a', 'b'] } })]);
    const port = seen.ports.get('multiAddress/all');
    expect(servicePorts(seen, 'all')).toMatchObject([{ name: 'multiaddress-all', port: 80, targetPort: port }]);
    expect(multiKeyListenerEntities(seen)).toMatchObject([
      ['tcpListener', { name: 'multiAddress/all', host: '', port, multiAddressStrategy: 'priority' }],
      ['listenerAddress', { address: 'a', value: 1, listener: 'multiAddress/all' }],
      ['listenerAddress', { address: 'b', value: 0 }],
    ]);
  });

  it('carries weights, and is ready when one of its keys can be reached', () => {
    const router = routerState({ consumers: new Map([['b', 1]]) });
    const seen = state([site(), multi('all', { weighted: { routingKeys: { a: 3, b: 2 } } })], {}, { router });
    const outcome = planMultiKeyListeners(seen)[0]!;
    expect(outcome.status).toEqual({
      hasDestination: true,
      strategy: { weighted: { routingKeysReachable: { b: 2 } } },
    });
    const status = statusFrom(outcome, NOW) as { conditions: { type: string; status: string }[] };
    expect(status.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True' });
  });

  it('shares a host with Listeners, and leaves what they have', () => {
    const older = listener('web', { host: 'shop', port: 80 }, { creationTimestamp: '2026-02-01T00:00:00Z' });
    const seen = state([
      site(),
      older,
      multi('same', { priority: { routingKeys: ['a'] } }, { host: 'shop' }),
      multi('other', { priority: { routingKeys: ['a'] } }, { host: 'shop', port: 81 }),
    ]);
    expect(configured(planMultiKeyListeners(seen), 'same')).toBe(
      'Error: Listener web with host shop and port 80 already exists in namespace',
    );
    expect(servicePorts(seen, 'shop')).toMatchObject([{ name: 'web' }, { name: 'multiaddress-other', port: 81 }]);
  });

  it('never takes a Service of somebody else', () => {
    const seen = state([site(), multi('all', { priority: { routingKeys: ['a'] } })], {
      objects: [foreignService('all')],
    });
    expect(configured(planMultiKeyListeners(seen), 'all')).toBe('Error: Service all already exists in namespace');
    expect(planServices(seen).objects).toEqual([]);
  });
});

describe('what listeners ask of the router', () => {
  it('is a configuration that the router takes', () => {
    const resources = [
      site(),
      listener('web'),
      listener('db', { exposePodsByName: true }),
      resource('MultiKeyListener', 'all', {
        host: 'all',
        port: 80,
        strategy: { weighted: { routingKeys: { a: 1, b: 2 } } },
      }),
    ];
    const seen = state(resources, {}, { network: network(ofPods('db', 'db-0')), router: routerState() });
    const entities = [
      ['router', { id: 'west', mode: 'interior' }],
      ...listenerEntities(seen),
      ...multiKeyListenerEntities(seen),
    ];
    expect(() => parseConfig(JSON.stringify(entities), 'skrouterd.json')).not.toThrow();
  });
});
