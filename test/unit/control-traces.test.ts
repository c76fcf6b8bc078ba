/** Spans of what the control plane does: from a look at a namespace to the router's entities, and from another cluster's word to services. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { traceNews, untraced } from '../../config/trace-annotation.ts';
import type { Clock } from '../../lib/clock.ts';
import { Applier } from '../../lib/kube/apply.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { createLogger } from '../../lib/log.ts';
import { SeededRandom } from '../../lib/random.ts';
import { RouterRefusedError } from '../../lib/router-client/client.ts';
import { traceparentOf } from '../../lib/trace/context.ts';
import { KubeWrites as ServiceWrites } from '../../service-controller/platform/kubernetes/kube-writes.ts';
import { Mesh, type MeshSession } from '../../service-controller/platform/mesh.ts';
import type { ClusterView, ServiceRecord } from '../../service-controller/records.ts';
import { RouterKeeper } from '../../site-controller/adaptor/router-keeper.ts';
import { FIELD_MANAGER, KubeWrites } from '../../site-controller/platform/kubernetes/kube-writes.ts';
import { WATCHED } from '../../site-controller/platform/kubernetes/watched.ts';
import { eventually } from '../support/eventually.ts';
import { MadeSpans } from '../support/spans.ts';

const log = createLogger({ name: 'test', level: 'silent' });
const clock: Clock = { now: () => 0, wall: () => 0 };
const TRACE = 'skuprt.io/trace';
const DELETION_TRACE = 'skuprt.io/deletion-trace';

describe('a ConfigMap that is written', () => {
  /** An API server that takes all, and a cache that sees it at once. */
  function writer(spans: MadeSpans) {
    const live = new Map<string, KubeObject>();
    let version = 0;
    const client = {
      apply: async (_type: unknown, object: KubeObject) => {
        version += 1;
        const made = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
        live.set(object.kind, made);
        return made;
      },
      find: async () => undefined,
    } as unknown as KubeClient;
    const applier = new Applier({ client, fieldManager: FIELD_MANAGER, clock, live: ({ kind }) => live.get(kind) });
    const writes = new KubeWrites({ client, applier, clock, watched: WATCHED, tracer: spans.tracer });
    const of = (kind: string, name: string): KubeObject => ({
      apiVersion: 'v1',
      kind,
      metadata: { name: 'skupper-router', namespace: 'west' },
      data: { name },
    });
    return {
      write: (name: string, kind = 'ConfigMap') =>
        spans.tracer.span('reconcile', {}, () => writes.apply(of(kind, name))),
      trace: (kind = 'ConfigMap') => live.get(kind)?.metadata.annotations?.[TRACE],
      version: () => live.get('ConfigMap')?.metadata.resourceVersion,
    };
  }

  it('says in which look, and is not written again for that alone', async () => {
    const spans = new MadeSpans();
    const { write, trace, version } = writer(spans);
    await write('a');
    const first = traceparentOf({ ...spans.one('reconcile'), sampled: true });
    expect(trace()).toBe(first);
    await write('a');
    expect([trace(), version()]).toEqual([first, '1']);
    await write('b');
    expect(trace()).toBe(traceparentOf({ ...spans.one('reconcile'), sampled: true }));
    await write('x', 'ServiceAccount');
    expect(trace('ServiceAccount')).toBeUndefined();
  });

  it('says nothing where nothing is traced', async () => {
    const { write, trace } = writer(new MadeSpans(1, 0));
    await write('a');
    expect(trace()).toBeUndefined();
  });
});

describe('a deletion', () => {
  const MADE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const DELETED = '00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-01';
  const object = (annotations: Record<string, string>, deletionTimestamp?: string) => ({
    metadata: { annotations, ...(deletionTimestamp !== undefined && { deletionTimestamp }) },
  });
  const made = object({ [TRACE]: MADE });
  const last = object({ [TRACE]: MADE, [DELETION_TRACE]: DELETED });

  it('is of the trace of who deletes, whether it goes at once or is waited for, and of none where nobody has said one', () => {
    const going = object(last.metadata.annotations, '2026-01-01T00:00:00Z');
    expect(traceNews(made, last)).toBeUndefined();
    expect([traceNews(last, undefined), traceNews(last, going)]).toEqual([DELETED, DELETED]);
    expect(traceNews(going, undefined)).toBeUndefined();
    expect(traceNews(made, undefined)).toBeUndefined();
    expect(untraced(last.metadata.annotations)).toBeUndefined();
  });

  it('of what was made for a service says which look led to it, before the object is gone', async () => {
    const calls: string[] = [];
    const client = (fails: boolean) => ({
      patch: async (_type: unknown, _namespace: string, name: string, change: { metadata: KubeObject['metadata'] }) => {
        calls.push(`${name} ${change.metadata.uid} ${change.metadata.annotations?.[DELETION_TRACE]}`);
        if (fails) throw new Error('not there any more');
      },
      delete: async (_type: unknown, _namespace: string, name: string) => calls.push(`gone ${name}`) > 0,
    });
    const remove = async (spans: MadeSpans, kind: string, fails = false) => {
      const api = client(fails) as unknown as KubeClient;
      const applier = new Applier({ client: api, fieldManager: 'test', clock, live: () => undefined });
      const writes = new ServiceWrites({ client: api, applier, clock, tracer: spans.tracer });
      const metadata = { name: 'web', namespace: 'shop', uid: 'u1' };
      calls.length = 0;
      await spans.tracer.span('reconcile', {}, () => writes.delete({ apiVersion: 'v1', kind, metadata }));
      return [...calls];
    };
    const spans = new MadeSpans();
    const told = await remove(spans, 'Listener');
    const trace = traceparentOf({ ...spans.one('reconcile'), sampled: true });
    expect(told).toEqual([`web u1 ${trace}`, 'gone web']);
    expect(await remove(new MadeSpans(), 'EndpointSlice')).toEqual(['gone web']);
    expect(await remove(new MadeSpans(1, 0), 'Listener')).toEqual(['gone web']);
    expect((await remove(new MadeSpans(), 'Listener', true)).at(-1)).toBe('gone web');
  });
});

describe('the passes of an adaptor', () => {
  const stops: (() => void)[] = [];
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
  });

  function keeperOf(spans: MadeSpans) {
    const directory = mkdtempSync(join(tmpdir(), 'skuprt-passes-'));
    const stopping = new AbortController();
    let configMap: KubeObject | undefined;
    let version = 0;
    const entities = new Map<string, Record<string, unknown>>();
    const client = {
      isUp: true,
      query: async (type: string) => [...entities.values()].filter((entity) => entity.type === type),
      create: async (type: string, name: string, attributes: object) => {
        if (name === 'bad') throw new RouterRefusedError('no such thing', 400);
        entities.set(name, { ...attributes, name, type, identity: name });
      },
      delete: async (_type: string, identity: string) => void entities.delete(identity),
      update: async () => undefined,
    };
    const keeper = new RouterKeeper({
      place: { pod: 'a', certs: join(directory, 'certs'), proxies: join(directory, 'proxies'), bind: undefined },
      configMap: () => configMap,
      secrets: () => new Map(),
      routerState: () => undefined,
      client: client as never,
      onChanged: () => undefined,
      onRefusals: () => undefined,
      onWanted: () => undefined,
      clock,
      random: new SeededRandom(1),
      log,
      tracer: spans.tracer,
    });
    const running = keeper.run(stopping.signal);
    stops.push(() => {
      stopping.abort();
      void running.then(() => rmSync(directory, { recursive: true, force: true }));
    });
    const put = async (names: readonly string[], trace?: string) => {
      const { passes } = keeper.stats;
      version += 1;
      const listeners = names.map((name) => ['tcpListener', { name, host: '', port: '1', address: name }]);
      configMap = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: 'skupper-router',
          resourceVersion: String(version),
          ...(trace !== undefined && { annotations: { [TRACE]: trace } }),
        },
        data: { 'skrouterd.json': JSON.stringify([['router', { id: 'x', mode: 'interior' }], ...listeners]) },
      };
      keeper.look();
      await eventually('looked at', () => keeper.stats.passes > passes);
      keeper.look();
      await eventually('and once more', () => keeper.stats.passes > passes + 1);
    };
    return { put, entities };
  }

  const traceparent = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;

  it('that change something are told, with each operation; others are not', async () => {
    const spans = new MadeSpans();
    const { put } = keeperOf(spans);
    await put(['web', 'bad']);
    const pass = spans.all.find(({ name, error }) => name === 'router pass' && error === undefined)!;
    expect(pass.attributes).toMatchObject({ 'skuprt.operations': 2, 'skuprt.refused': 1 });
    const made = spans.all.filter(({ parentSpanId }) => parentSpanId === pass.spanId);
    expect(made).toMatchObject([
      { name: 'create tcpListener', kind: 'client', attributes: { 'skuprt.name': 'web' } },
      { name: 'create tcpListener', attributes: { 'skuprt.name': 'bad' }, error: 'no such thing' },
    ]);
    await put([]);
    const { length } = spans.all;
    await put([]);
    expect(spans.all.length).toBe(length);
  });

  it('belong to the trace of the look that wrote the ConfigMap, once; that of the first one is an old story', async () => {
    const spans = new MadeSpans();
    const { put } = keeperOf(spans);
    await put(['first'], traceparent('1'));
    expect(spans.one('router pass').parentSpanId).toBeUndefined();
    await put(['second'], traceparent('2'));
    expect(spans.one('router pass')).toMatchObject({ traceId: '2'.repeat(32), parentSpanId: '2'.repeat(16) });
    // Somebody else changed it.
    await put(['third'], traceparent('2'));
    expect(spans.one('router pass').parentSpanId).toBeUndefined();
    await put(['fourth'], 'nonsense');
    expect(spans.one('router pass').parentSpanId).toBeUndefined();
  });
});

describe('what other clusters say', () => {
  it('is a merge, and a span of it what follows; what changes nothing is none', () => {
    const spans = new MadeSpans();
    let views: ClusterView[] = [];
    let tell = () => {};
    const session = { views: () => views, isSettled: () => true, hasWaited: () => true, leave: () => {} };
    const mesh = new Mesh({
      open: (_identity, onChange) => {
        tell = onChange;
        return session as unknown as MeshSession;
      },
      clock,
      onServices: (keys) => spans.tracer.done('look', { attributes: { keys: [...keys].join() } }, 0),
      onClusters: () => undefined,
      tracer: spans.tracer,
    });
    mesh.join({ clusterId: 'a', clusterSet: 's', siteId: 'site-a' });
    const info = { properties: {}, version: '' };
    const east = { id: 'east', state: 'present', info, siteId: 'e', heardAt: 0, ingresses: new Map() };
    views = [{ ...east, services: new Map([['shop/web', {} as ServiceRecord]]) } as unknown as ClusterView];
    tell();
    expect(spans.one('merge').attributes).toEqual({ 'skuprt.clusters': 'east', 'skuprt.services': 1 });
    expect(spans.one('look')).toMatchObject({
      parentSpanId: spans.one('merge').spanId,
      attributes: { keys: 'shop/web' },
    });
    tell();
    expect(spans.names).toEqual(['look', 'merge']);
    mesh.leave();
  });
});
