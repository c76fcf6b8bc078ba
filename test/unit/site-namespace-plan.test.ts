/** What a namespace on Kubernetes should be, as a whole: what the plans of the kinds come to together. */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { parseAdaptorConfig } from '../../site-controller/adaptor/config.ts';
import { planNamespace } from '../../site-controller/reconcile/namespace-plan.ts';
import { pod } from '../support/cluster.ts';
import { namespacePlanOf } from '../support/namespace-plan.ts';
import { credential, NOW, resource, routerState, SITE_UID, site } from '../support/observed.ts';
import { configMap, onKubernetes } from '../support/observed-cluster.ts';

const SECRET = (name: string, key = 'key') =>
  resource('Secret', name, {
    type: 'kubernetes.io/tls',
    stringData: { 'ca.crt': 'ca', 'tls.crt': 'cert', 'tls.key': key },
  });
const LOCAL_SERVER = SECRET('skupper-local-server');
const LINK_SECRET = SECRET('to-east');
const LINK = resource('Link', 'to-east', {
  endpoints: [
    { name: 'inter-router', host: 'east-1', port: '55671' },
    { name: 'inter-router', host: 'east-2', port: '55671' },
    { name: 'edge', host: 'east-1', port: '45671' },
  ],
  tlsCredentials: 'to-east',
});

function entitiesIn(objects: readonly KubeObject[], name = 'skupper-router'): [string, Record<string, unknown>][] {
  return JSON.parse(dataOf(objects, name)['skrouterd.json']!);
}

function adaptorIn(objects: readonly KubeObject[]) {
  return parseAdaptorConfig(dataOf(objects, 'skupper-router')['adaptor.json']);
}

function dataOf(objects: readonly KubeObject[], name: string): Record<string, string> {
  const map = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name);
  return map!.data as Record<string, string>;
}

describe('a namespace with a site', () => {
  it('makes everything its own: namespace, label, owner', () => {
    const { apply } = namespacePlanOf(onKubernetes([site({ linkAccess: 'default' }), LOCAL_SERVER]));
    expect(apply.length).toBeGreaterThan(5);
    for (const { metadata } of apply) {
      expect(metadata).toMatchObject({ namespace: 'ns-west', labels: { 'internal.skupper.io/controlled': 'true' } });
      expect(metadata.ownerReferences).toMatchObject([{ kind: 'Site', uid: SITE_UID, controller: true }]);
    }
  });

  it('asks at once for a certificate of all hosts that are known', () => {
    const settings = { enabledAccessTypes: ['host'], defaultAccessType: 'host', clusterHost: 'front.example' } as const;
    const { apply } = namespacePlanOf(onKubernetes([site({ linkAccess: 'default' })], { settings }));
    const certificate = apply.find(({ metadata: { name } }) => name === 'skupper-site-server')!;
    expect((certificate.spec as { hosts: string[] }).hosts).toContain('front.example');
  });

  it('has no router configuration until the certificate of its local listener is there', () => {
    const { apply } = namespacePlanOf(onKubernetes([site()]));
    expect(apply.some(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'skupper-router')).toBe(false);
  });

  it('tells the router its own name by the pod it runs in', () => {
    const { apply } = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER]));
    expect(entitiesIn(apply)[0]).toMatchObject(['router', { id: `west-\${HOSTNAME}`, mode: 'interior' }]);
  });

  it('prunes what it made and wants no longer, and nothing else', () => {
    const own = { labels: { 'internal.skupper.io/controlled': 'true' }, ownerReferences: [owner()] };
    const objects = [
      object('old', own),
      object('of-a-user', {}),
      object('of-the-adaptor', { ownerReferences: [owner()] }),
    ];
    const { prune } = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER], { objects }));
    expect(prune.map(({ metadata }) => metadata.name)).toEqual(['old']);
  });

  it("leaves an object of the same name that is somebody else's, and says so", () => {
    const objects = [object('skupper-router-local', {})];
    const { apply, faults } = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER], { objects }));
    expect(apply.some(({ metadata }) => metadata.name === 'skupper-router-local')).toBe(false);
    expect(faults).toContain('Service skupper-router-local already exists in namespace and is not of this site');
  });

  it('makes nothing where there is no site, but says so of each resource', () => {
    const listener = resource('Listener', 'backend', { routingKey: 'backend', host: 'backend', port: 8080 });
    const { apply, prune, outcomes } = namespacePlanOf(onKubernetes([listener]));
    expect({ apply, prune }).toEqual({ apply: [], prune: [] });
    expect(outcomes[0]?.findings[0]).toMatchObject({ type: 'Configured', message: 'No active site in namespace' });
  });

  it('tells what the API server took and the schema refuses, in the first condition', () => {
    const invalid = [
      {
        kind: 'Listener',
        metadata: { name: 'x' },
        status: undefined,
        message: 'spec.port must be a port from 1 to 65535',
      },
      { kind: 'AccessToken', metadata: { name: 'y' }, status: undefined, message: 'spec.url is missing' },
    ] as const;
    const { outcomes } = namespacePlanOf(onKubernetes([site()], { invalid }));
    const found = outcomes.filter(({ resource: { metadata } }) => ['x', 'y'].includes(metadata.name));
    expect(found.map(({ findings }) => findings)).toMatchObject([
      [{ type: 'Configured', status: 'False', reason: 'Error', message: 'spec.port must be a port from 1 to 65535' }],
      [{ type: 'Redeemed', status: 'False', reason: 'Error', message: 'spec.url is missing' }],
    ]);
  });
});

describe('the configuration of a router', () => {
  it('counts revisions of TLS material from what it said before', () => {
    const first = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER, LINK_SECRET, LINK])).apply;
    expect(adaptorIn(first).tls['to-east-profile']).toMatchObject({ secret: 'to-east', parts: 'all', ordinal: 0 });

    const same = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER, LINK_SECRET, LINK], { objects: first })).apply;
    expect(adaptorIn(same)).toEqual(adaptorIn(first));

    let objects = first;
    for (const key of ['second', 'third', 'fourth']) {
      objects = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER, SECRET('to-east', key), LINK], { objects })).apply;
    }
    expect(adaptorIn(objects).tls['to-east-profile']).toMatchObject({ ordinal: 3, oldestValidOrdinal: 0 });
    expect(adaptorIn(objects).tls['skupper-local-server']).toMatchObject({ ordinal: 0, oldestValidOrdinal: 0 });
    const profile = entitiesIn(objects).find(([type, { name }]) => type === 'sslProfile' && name === 'to-east-profile');
    expect(profile?.[1]).toMatchObject({
      ordinal: 3,
      oldestValidOrdinal: 0,
      certFile: '/etc/skupper-router-certs/to-east-profile/tls.crt',
    });
  });

  it('ends older revisions at once when the site says so', () => {
    const settings = { 'tls-prior-valid-revisions': '0' };
    const first = namespacePlanOf(onKubernetes([site({ settings }), LOCAL_SERVER, LINK_SECRET, LINK])).apply;
    const next = [site({ settings }), LOCAL_SERVER, SECRET('to-east', 'other'), LINK];
    const { apply } = namespacePlanOf(onKubernetes(next, { objects: first }));
    expect(adaptorIn(apply).tls['to-east-profile']).toMatchObject({ ordinal: 1, oldestValidOrdinal: 1 });
  });

  it('is not stopped by somebody who wrote into it', () => {
    const [map] = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER])).apply.filter(
      ({ kind }) => kind === 'ConfigMap',
    );
    const spoilt = { ...map!, data: { 'skrouterd.json': '[[', 'adaptor.json': '{"tls": 7}' } };
    const { apply } = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER], { objects: [spoilt] }));
    expect(entitiesIn(apply).length).toBeGreaterThan(3);
  });

  it('gives the adaptor every endpoint of a link, those of its own role', () => {
    const interior = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER, LINK_SECRET, LINK])).apply;
    expect(adaptorIn(interior).endpoints).toEqual({
      'to-east': [
        { host: 'east-1', port: 55671 },
        { host: 'east-2', port: 55671 },
      ],
    });
    const edge = namespacePlanOf(onKubernetes([site({ edge: true }), LOCAL_SERVER, LINK_SECRET, LINK])).apply;
    expect(adaptorIn(edge).endpoints).toEqual({});
    const connector = entitiesIn(edge).find(([type]) => type === 'connector');
    expect(connector?.[1]).toMatchObject({ role: 'edge', host: 'east-1', port: '45671' });
    expect(entitiesIn(edge)[0]?.[1]).toMatchObject({ mode: 'edge' });
  });

  it('dials through the proxy that a link names, and says what its Secret lacks', () => {
    const proxied = resource('Link', 'to-east', {
      ...(LINK.kind === 'Link' && LINK.spec),
      settings: { 'proxy-configuration': 'corp' },
    });
    const proxy = (stringData: object) => resource('Secret', 'corp', { type: 'kubernetes.io/basic-auth', stringData });
    const account = { host: 'proxy', port: '3128', username: 'u', password: 'p' };
    const { apply } = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER, LINK_SECRET, proxied, proxy(account)]));
    const entities = entitiesIn(apply);
    expect(entities.find(([type]) => type === 'proxyProfile')?.[1]).toEqual({
      name: 'corp',
      host: 'proxy',
      port: '3128',
      username: 'u',
      password: 'file:/etc/skupper-router-proxies/corp/password.txt',
    });
    expect(entities.find(([type]) => type === 'connector')?.[1]).toMatchObject({ proxyProfile: 'corp' });
    expect(adaptorIn(apply).proxies).toEqual({ corp: 'corp' });
    const { outcomes } = namespacePlanOf(
      onKubernetes([site(), LOCAL_SERVER, LINK_SECRET, proxied, proxy({ host: 'x' })]),
    );
    const finding = outcomes.find(({ resource: { kind } }) => kind === 'Link')?.findings[0];
    expect(finding).toMatchObject({ type: 'Configured', message: 'Proxy secret "corp" lacks port' });
  });

  it('logs as the site says', () => {
    const settings = { 'router-logging': 'ROUTER_CORE:debug,info+' };
    const entities = entitiesIn(namespacePlanOf(onKubernetes([site({ settings }), LOCAL_SERVER])).apply);
    expect(entities.filter(([type]) => type === 'log').map(([, attributes]) => attributes)).toEqual([
      { module: 'ROUTER_CORE', enable: 'debug+' },
      { module: 'DEFAULT', enable: 'info+' },
    ]);
  });
});

describe('a site with two routers', () => {
  const ha = [site({ ha: true, linkAccess: 'default' }), LOCAL_SERVER];

  it('configures both alike', () => {
    const listener = resource('Listener', 'backend', { routingKey: 'backend', host: 'backend', port: 8080 });
    const { apply } = namespacePlanOf(onKubernetes([...ha, listener]));
    const ports = ['skupper-router', 'skupper-router-2'].map(
      (name) => entitiesIn(apply, name).find(([type]) => type === 'tcpListener')?.[1].port,
    );
    expect(ports[0]).toMatch(/^\d+$/);
    expect(ports[1]).toBe(ports[0]);
    expect(adaptorIn(apply).ha).toBe(true);
  });

  it('has a link that one of its routers has', () => {
    const pods = [pod('a'), pod('b')];
    const routers = new Map([
      ['a', routerState({ id: 'west-a', connectors: new Map([['to-east', { status: 'CONNECTING', message: '' }]]) })],
      ['b', routerState({ id: 'west-b', connectors: new Map([['to-east', { status: 'SUCCESS', message: '' }]]) })],
    ]);
    const { outcomes } = namespacePlanOf(onKubernetes([...ha, LINK_SECRET, LINK], { pods, routers }));
    const link = outcomes.find(({ resource: { kind } }) => kind === 'Link');
    expect(link?.findings.find(({ type }) => type === 'Operational')).toMatchObject({ status: 'True' });
  });
});

describe('where others run the routers', () => {
  it('makes neither pods nor rights for them', () => {
    const settings = {
      routers: 'external',
      enabledAccessTypes: ['host'],
      clusterHost: '127.0.0.9',
    } as const;
    const { apply } = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER], { settings }));
    const kinds = new Set(apply.map(({ kind }) => kind));
    for (const kind of ['Deployment', 'ServiceAccount', 'Role', 'RoleBinding']) expect(kinds).not.toContain(kind);
    expect(kinds).toContain('ConfigMap');
  });
});

describe('a ConfigMap of a router', () => {
  it('has the types that the adaptor of Skupper reads', () => {
    const { apply } = namespacePlanOf(
      onKubernetes([
        site(),
        LOCAL_SERVER,
        resource('Listener', 'web', { routingKey: 'web', host: 'web', port: 80 }),
        resource('Connector', 'db', { routingKey: 'db', host: '192.0.2.1', port: 5432 }),
      ]),
    );
    const of = (type: string) => entitiesIn(apply).find((entity) => entity[0] === type)![1];
    expect(of('router').helloMaxAgeSeconds).toBe('3');
    expect(of('tcpListener').port).toMatch(/^\d+$/);
    expect(of('tcpConnector').port).toBe('5432');
    expect(of('listener').port).toBe(9090);
  });

  it("goes on counting revisions where Skupper's own left off", () => {
    const before = configMap('skupper-router', [
      ['sslProfile', { name: 'skupper-local-server', ordinal: 4, oldestValidOrdinal: 2 }],
      ['sslProfile', { name: 'broken', ordinal: 'x' }],
    ]);
    const { apply } = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER], { objects: [before] }));
    const { ordinal, oldestValidOrdinal } = adaptorIn(apply).tls['skupper-local-server']!;
    expect({ ordinal, oldestValidOrdinal }).toEqual({ ordinal: 4, oldestValidOrdinal: 2 });
  });
});

describe('when a namespace is looked at again', () => {
  const failed = { uid: 'u', generation: 1, message: 'cannot be reached', isFinal: false };
  const tried = (retryAt: number) => ({ ...failed, retryAt });
  const requeueAt = (...attempts: ReturnType<typeof tried>[]) => {
    const named = new Map(attempts.map((attempt, index) => [`token-${index}`, attempt]));
    const inputs = { newCode: () => 'code', redemptions: () => 0, attempts: named };
    return planNamespace(onKubernetes([site()]), inputs).requeueAt;
  };

  it('is when the next token is to be tried again', () => {
    expect(requeueAt(tried(NOW + 5000), tried(NOW + 1000))).toBe(NOW + 1000);
  });

  it('is when the Secret of a young Link should be there: until then its lack is no fault', () => {
    const look = (ageMs: number, secrets: Resource[] = []) => {
      const young = { ...LINK, metadata: { ...LINK.metadata, creationTimestamp: new Date(NOW - ageMs).toISOString() } };
      const inputs = { newCode: () => 'code', redemptions: () => 0, attempts: new Map() };
      const credentials = new Map(secrets.map(({ metadata: { name } }) => [name, credential(name)]));
      const state = onKubernetes([site(), young as Resource, ...secrets], {}, { credentials });
      const { requeueAt, outcomes } = planNamespace(state, inputs);
      const { findings } = outcomes.find(({ resource: { kind } }) => kind === 'Link')!;
      return [findings[0]!.reason, requeueAt];
    };
    expect(look(2000)).toEqual(['Pending', NOW + 3000]);
    expect(look(5000)).toEqual(['Error', Infinity]);
    expect(look(-3_600_000)).toEqual(['Error', Infinity]);
    expect(look(2000, [LINK_SECRET])).toEqual(['Ready', Infinity]);
  });

  it('is not at once because of a token that is being tried now', () => {
    expect(requeueAt(tried(NOW - 1))).toBe(Infinity);
    expect(requeueAt(tried(NOW))).toBe(Infinity);
  });
});

function owner() {
  return { apiVersion: 'skupper.io/v2alpha1', kind: 'Site', name: 'west', uid: SITE_UID, controller: true };
}

function object(name: string, metadata: object): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'ns-west', ...metadata }, spec: {} };
}
