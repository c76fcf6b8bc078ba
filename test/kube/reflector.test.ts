/** Reflectors on a real API server: what they hold is what the server holds, whatever happens between. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { KubeClient, ResourceType } from '../../lib/kube/client.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { Reflector, type ReflectorOptions } from '../../lib/kube/reflector.ts';
import { createLogger } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { eventually } from '../support/eventually.ts';
import { ApiServer } from '../support/kube/api-server.ts';
import { kubeAssets } from '../support/kube/assets.ts';
import { Relay } from '../support/relay.ts';

const MAP: ResourceType = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };
const NAMESPACE = 'default';
const log = createLogger({ name: 'test', level: 'silent' });

describe.runIf(kubeAssets() !== undefined)('a reflector on a real API server', () => {
  let api: ApiServer;
  let relay: Relay;
  let direct: KubeClient;
  let relayed: KubeClient;
  const ended = new AbortController();
  const runs: Promise<void>[] = [];

  beforeAll(async () => {
    api = await ApiServer.start('a');
    relay = await Relay.to(api.port);
    direct = (await api.connect()).client;
    relayed = (await api.connect(relay.port)).client;
  });

  afterAll(async () => {
    ended.abort();
    await Promise.all(runs);
    direct?.close();
    relayed?.close();
    await relay?.close();
    await api?.stop();
  });

  const start = (client: KubeClient, options: Partial<ReflectorOptions> = {}): Reflector => {
    const parts = { client, clock: systemClock, random: systemRandom, log };
    const reflector = new Reflector(parts, { type: MAP, namespace: NAMESPACE, ...options });
    runs.push(reflector.run(ended.signal));
    return reflector;
  };
  const put = (name: string, value: string) => direct.apply(MAP, map(name, value), { fieldManager: 'test' });
  const held = (reflector: Reflector, name: string) =>
    (reflector.get(NAMESPACE, name)?.data as { value: string } | undefined)?.value;

  it('holds what is there, and is told of what comes, changes and goes', async () => {
    await put('one', '1');
    const changes: string[] = [];
    const told = (before: KubeObject | undefined, after: KubeObject | undefined) => {
      if ((after ?? before)?.metadata.name === 'one') changes.push(`${before && 'x'}>${after && 'x'}`);
    };
    const reflector = start(direct, { onChange: told });
    await reflector.synced;
    expect(held(reflector, 'one')).toBe('1');
    await put('one', '2');
    await eventually('the change', () => held(reflector, 'one') === '2');
    await direct.delete(MAP, NAMESPACE, 'one');
    await eventually('the end', () => reflector.get(NAMESPACE, 'one') === undefined);
    expect(changes).toEqual(['undefined>x', 'x>x', 'x>undefined']);
  });

  it('lists in pages, and keeps to its selectors', async () => {
    for (const name of ['page-1', 'page-2', 'page-3']) {
      await direct.apply(
        MAP,
        { ...map(name, 'p'), metadata: { name, namespace: NAMESPACE, labels: { page: 'yes' } } },
        { fieldManager: 'test' },
      );
    }
    expect((await direct.list(MAP, { namespace: NAMESPACE, labelSelector: 'page=yes', limit: 1 })).items).toHaveLength(
      3,
    );
    const reflector = start(direct, { labelSelector: 'page=yes', fieldSelector: 'metadata.name!=page-2' });
    await reflector.synced;
    expect([...reflector.list()].map(({ metadata }) => metadata.name).sort()).toEqual(['page-1', 'page-3']);
  });

  it('goes on after its watch was cut, without a loss', async () => {
    const reflector = start(relayed);
    await reflector.synced;
    relay.cut();
    await put('cut', 'while away');
    relay.mend();
    await eventually('the change made meanwhile', () => held(reflector, 'cut') === 'while away');
  });

  it('says that a kind is missing, and has it when it comes', async () => {
    const things: ResourceType = { apiVersion: 'example.com/v1', kind: 'Thing', plural: 'things' };
    const reflector = start(direct, { type: things, namespace: undefined, isOptional: true });
    await reflector.synced;
    expect(reflector.isPresent).toBe(false);
    await direct.create(CRD_TYPE, CRD);
    await eventually('the kind', () => {
      reflector.hurry();
      return reflector.isPresent;
    });
    await eventually('the kind to take objects', () =>
      direct
        .create(things, { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'x', namespace: NAMESPACE } })
        .then(
          () => true,
          () => false,
        ),
    );
    await eventually('the object', () => reflector.get(NAMESPACE, 'x') !== undefined);
  });

  it('survives a restart of the server that no longer knows where the watch was', async () => {
    const reflector = start(direct);
    await reflector.synced;
    await put('restart', 'before');
    await direct.delete(MAP, NAMESPACE, 'restart');
    await api.stopServer();
    await api.startServer();
    await put('restart', 'after');
    await eventually('the change after the restart', () => held(reflector, 'restart') === 'after');
    const versions = [...reflector.list()].map(({ metadata }) => metadata.resourceVersion).sort();
    const { items } = await direct.list(MAP, { namespace: NAMESPACE });
    expect(versions).toEqual(items.map(({ metadata }) => metadata.resourceVersion).sort());
  });
});

function map(name: string, value: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: NAMESPACE }, data: { value } };
}

const CRD_TYPE: ResourceType = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
const CRD: KubeObject = {
  apiVersion: CRD_TYPE.apiVersion,
  kind: CRD_TYPE.kind,
  metadata: { name: 'things.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};
