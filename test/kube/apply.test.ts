/** Applying objects to a real API server: what is there already is not written, and what changed is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { Applier } from '../../lib/kube/apply.ts';
import type { KubeClient, ResourceType } from '../../lib/kube/client.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { ApiServer } from '../support/kube/api-server.ts';
import { kubeAssets } from '../support/kube/assets.ts';

const MAP: ResourceType = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };
const SECRET: ResourceType = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' };
const SERVICE: ResourceType = { apiVersion: 'v1', kind: 'Service', plural: 'services' };
const DEPLOYMENT: ResourceType = { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' };
const BINDING: ResourceType = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
};
const NAMESPACE = 'default';

describe.runIf(kubeAssets() !== undefined)('applying to a real API server', () => {
  let api: ApiServer;
  let client: KubeClient;
  /** What a reflector would hold; moves when a test says so. */
  let cache: Map<string, KubeObject>;
  let writes: string[];

  beforeAll(async () => {
    api = await ApiServer.start('a');
    client = (await api.connect()).client;
  });
  afterAll(async () => {
    client?.close();
    await api?.stop();
  });

  const applier = (): Applier => {
    cache = new Map();
    writes = [];
    return new Applier({
      client,
      clock: systemClock,
      fieldManager: 'test',
      live: (type, _namespace, name) => cache.get(`${type.kind}/${name}`),
      onWrite: (verb, kind) => writes.push(`${verb} ${kind}`),
    });
  };
  const look = async (type: ResourceType, name: string): Promise<KubeObject> => {
    const live = await client.get(type, NAMESPACE, name);
    cache.set(`${type.kind}/${name}`, live);
    return live;
  };

  it.each([
    ['a Service', SERVICE, service('seen', 8080)],
    ['a Deployment', DEPLOYMENT, deployment('seen', 'one')],
    ['a ConfigMap', MAP, map('seen', { a: '1', empty: '' })],
    ['a RoleBinding', BINDING, binding('seen', 'viewer')],
  ])('writes %s once, also before the cache has it and when it begins anew', async (_what, type, wanted) => {
    const first = applier();
    expect(await first.apply(type, wanted)).toBe('created');
    expect(await first.apply(type, wanted)).toBe('unchanged');
    const { metadata } = await look(type, 'seen');
    expect(await first.apply(type, wanted)).toBe('unchanged');
    expect(writes).toHaveLength(1);
    const later = applier();
    expect((await look(type, 'seen')).metadata.resourceVersion).toBe(metadata.resourceVersion);
    expect(await later.apply(type, wanted)).toBe('unchanged');
    expect(writes).toEqual([]);
  });

  it('removes what is no longer wanted, and leaves what others added', async () => {
    const own = applier();
    await own.apply(MAP, map('less', { a: '1', b: '2' }));
    await client.patch(MAP, NAMESPACE, 'less', { data: { other: 'x' } });
    await look(MAP, 'less');
    expect(await own.apply(MAP, map('less', { a: '1' }))).toBe('updated');
    expect((await look(MAP, 'less')).data).toEqual({ a: '1', other: 'x' });
    expect(await own.apply(MAP, map('less', { a: '1' }))).toBe('unchanged');
  });

  it('repairs what somebody changed by hand', async () => {
    const own = applier();
    await own.apply(SERVICE, service('touched', 8080));
    await client.patch(SERVICE, NAMESPACE, 'touched', [{ op: 'replace', path: '/spec/ports/0/targetPort', value: 1 }]);
    await look(SERVICE, 'touched');
    expect(await own.apply(SERVICE, service('touched', 8080))).toBe('updated');
    expect((await look(SERVICE, 'touched')).spec).toMatchObject({ ports: [{ targetPort: 8080 }] });
  });

  it('does not go on writing what the server spells in its own way', async () => {
    const own = applier();
    const head = { apiVersion: SECRET.apiVersion, kind: SECRET.kind, metadata: metadata('spelled') };
    const wanted = { ...head, stringData: { turned: 'into data' } };
    await own.apply(SECRET, wanted);
    for (let count = 0; count < 3; count++) {
      await look(SECRET, 'spelled');
      expect(await own.apply(SECRET, wanted)).toBe('unchanged');
    }
    expect(writes).toHaveLength(1);
  });

  it('makes anew what may not change, when told so', async () => {
    const own = applier();
    await own.apply(DEPLOYMENT, deployment('anew', 'one'));
    const { metadata } = await look(DEPLOYMENT, 'anew');
    await expect(own.apply(DEPLOYMENT, deployment('anew', 'two'))).rejects.toMatchObject({ isImmutable: true });
    expect(await own.apply(DEPLOYMENT, deployment('anew', 'two'), { recreate: true })).toBe('recreated');
    expect((await look(DEPLOYMENT, 'anew')).metadata.uid).not.toBe(metadata.uid);
    await own.apply(BINDING, binding('anew', 'one'));
    await look(BINDING, 'anew');
    expect(await own.apply(BINDING, binding('anew', 'two'), { recreate: true })).toBe('recreated');
  });

  it('leaves an object of others alone though the cache does not have it yet', async () => {
    await client.create(MAP, map('foreign', { a: 'theirs' }));
    const isOurs = ({ metadata }: KubeObject) => metadata.labels?.ours === 'yes';
    expect(await applier().apply(MAP, map('foreign', { a: 'ours' }), { isOurs })).toBe('foreign');
    expect((await client.get(MAP, NAMESPACE, 'foreign')).data).toEqual({ a: 'theirs' });
  });

  it('prunes the object that it saw and none that took its name', async () => {
    const own = applier();
    await own.apply(MAP, map('pruned', {}));
    const seen = await look(MAP, 'pruned');
    await client.delete(MAP, NAMESPACE, 'pruned');
    await client.create(MAP, map('pruned', { new: 'yes' }));
    expect(await own.prune(MAP, seen)).toBe(false);
    expect(await own.prune(MAP, await look(MAP, 'pruned'))).toBe(true);
    expect(await own.prune(MAP, seen)).toBe(false);
  });

  it('patches a status when it differs, removes what is gone from it, and is silent otherwise', async () => {
    const own = applier();
    const wanted = service('status', 80);
    await own.apply(SERVICE, { ...wanted, spec: { ...(wanted.spec as object), type: 'LoadBalancer' } });
    const before = await look(SERVICE, 'status');
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
    expect(await own.patchStatus(SERVICE, before.metadata, status, before.status as object)).toBe(true);
    expect(await own.patchStatus(SERVICE, before.metadata, status, before.status as object)).toBe(false);
    const after = await look(SERVICE, 'status');
    expect(after.status).toMatchObject(status);
    expect(await own.patchStatus(SERVICE, after.metadata, after.status as object, after.status as object)).toBe(false);
    expect(await own.patchStatus(SERVICE, after.metadata, { loadBalancer: {} }, after.status as object)).toBe(true);
    expect((await look(SERVICE, 'status')).status).toEqual({ loadBalancer: {} });
    expect(
      await own.patchStatus(SERVICE, { name: 'nobody', resourceVersion: '1', namespace: NAMESPACE }, status, {}),
    ).toBe(false);
  });

  it('takes over a Service whose ports somebody else wrote too, again and again', async () => {
    const own = applier();
    await own.apply(SERVICE, service('shared', 8080));
    await client.apply(SERVICE, service('shared', 8080), { fieldManager: 'somebody-else' });
    for (const port of [8081, 8082]) {
      await look(SERVICE, 'shared');
      await own.apply(SERVICE, service('shared', port));
      const { spec } = await look(SERVICE, 'shared');
      expect((spec as { ports: { port: number }[] }).ports.map((entry) => entry.port)).toEqual([port]);
    }
  });
});

function metadata(name: string): KubeObject['metadata'] {
  return { name, namespace: NAMESPACE };
}

function map(name: string, data: Record<string, string>): KubeObject {
  return { apiVersion: MAP.apiVersion, kind: MAP.kind, metadata: metadata(name), data };
}

function service(name: string, port: number): KubeObject {
  const spec = { selector: { app: 'x' }, ports: [{ name: 'p', port, targetPort: 8080 }] };
  return { apiVersion: SERVICE.apiVersion, kind: SERVICE.kind, metadata: metadata(name), spec };
}

function deployment(name: string, app: string): KubeObject {
  const container = {
    name: 'c',
    image: 'localhost/none:0',
    resources: { requests: { cpu: '1000m', memory: '1024Mi' } },
    env: [{ name: 'EMPTY', value: '' }],
    ports: [{ containerPort: 8080 }],
    securityContext: { privileged: false },
  };
  const template = { metadata: { labels: { app } }, spec: { containers: [container], tolerations: [] } };
  const spec = { replicas: 1, selector: { matchLabels: { app } }, template };
  return { apiVersion: DEPLOYMENT.apiVersion, kind: DEPLOYMENT.kind, metadata: metadata(name), spec };
}

function binding(name: string, role: string): KubeObject {
  return {
    apiVersion: BINDING.apiVersion,
    kind: BINDING.kind,
    metadata: metadata(name),
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: role },
    subjects: [{ kind: 'ServiceAccount', name: 'someone', namespace: NAMESPACE }],
  };
}
