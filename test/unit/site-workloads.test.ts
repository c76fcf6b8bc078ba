/** Which pod has which address: what the controller writes of it, when, and how an adaptor tells its router. */

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { labelsText } from '../../lib/label-text.ts';
import { createLogger } from '../../lib/log.ts';
import {
  type RouterClient,
  RouterRefusedError,
  RouterRequestError,
  type WorkloadChange,
} from '../../lib/router-client/client.ts';
import { WorkloadTeller } from '../../site-controller/adaptor/workload-teller.ts';
import { trimPod } from '../../site-controller/platform/kubernetes/trim.ts';
import { WorkloadBook } from '../../site-controller/platform/kubernetes/workload-book.ts';
import {
  decodeWorkloads,
  encodeWorkloads,
  LABELS_LENGTH_MAX,
  partCount,
  type Workload,
  type Workloads,
} from '../../site-controller/reconcile/policy/workload-document.ts';
import { podAddresses, wantsWorkloads, workloadOf } from '../../site-controller/reconcile/policy/workloads.ts';
import { namespacePlanOf } from '../support/namespace-plan.ts';
import { remoteSite, site } from '../support/observed.ts';
import { onKubernetes } from '../support/observed-cluster.ts';

const log = createLogger({ name: 'test', level: 'silent' });
const random = { next: () => 0.5 } as never;

function podObject(
  name: string,
  ip: string,
  parts: { metadata?: object; spec?: object; status?: object } = {},
): KubeObject {
  return trimPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', creationTimestamp: '2026-03-01T00:00:00Z', ...parts.metadata },
    spec: { serviceAccountName: 'default', containers: [{ name: 'c' }], ...parts.spec },
    status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], ...parts.status },
  });
}

function workload(pod: string, parts: Partial<Workload> = {}): Workload {
  return { namespace: 'shop', workload: pod, pod, serviceAccount: 'default', labels: '', ...parts };
}

describe('the workload of a pod', () => {
  it('is its Deployment, without the hash of the ReplicaSet', () => {
    const labels = { app: 'web', 'pod-template-hash': '5d4f' };
    const ownerReferences = [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d4f', uid: 'u', controller: true },
    ];
    const pod = podObject('web-5d4f-x2k', '10.0.0.1', { metadata: { labels, ownerReferences } });
    expect(workloadOf(pod)).toEqual(workload('web-5d4f-x2k', { workload: 'web', labels: 'app=web' }));
  });

  it('is its owner of any other kind, and the pod itself without an owner', () => {
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'u', controller: true }];
    expect(workloadOf(podObject('db-0', '10.0.0.1', { metadata: { ownerReferences } })).workload).toBe('db');
    expect(workloadOf(podObject('alone', '10.0.0.1')).workload).toBe('alone');
  });

  it('is known by every address of a pod, but not by one that others may have', () => {
    const both = { podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] };
    expect(podAddresses(podObject('web', '10.0.0.1', { status: both }))).toEqual(['10.0.0.1', 'fd00::1']);
    expect(podAddresses(podObject('done', '10.0.0.1', { status: { phase: 'Succeeded' } }))).toEqual([]);
    expect(podAddresses(podObject('node', '10.0.0.1', { spec: { hostNetwork: true } }))).toEqual([]);
  });

  it('has as many labels as there is room for, sorted', () => {
    expect(labelsText({ b: '2', a: '1' })).toBe('a=1,b=2');
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`key-${index}`, 'v'.repeat(60)]));
    expect(labelsText(many, LABELS_LENGTH_MAX).length).toBeLessThanOrEqual(1024);
  });
});

describe('the document of addresses', () => {
  const anyText = fc.string({ maxLength: 12 });
  const anyWorkload = fc.record({
    namespace: anyText,
    workload: anyText,
    pod: anyText,
    serviceAccount: anyText,
    labels: anyText,
  });

  it('gives back what was put in, in however many parts', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.ipV4(), anyWorkload, { maxKeys: 50 }),
        fc.integer({ min: 1, max: 8 }),
        (all, count) => {
          const workloads: Workloads = new Map(Object.entries(all));
          expect(decodeWorkloads(encodeWorkloads(workloads, count))).toEqual(workloads);
        },
      ),
      { seed: 8 },
    );
  });

  it('is not read while a part is missing, damaged, or of another whole', () => {
    const some = new Map([['10.0.0.1', workload('a')]]);
    const parts = encodeWorkloads(some, 2);
    expect(decodeWorkloads([parts[0], undefined])).toBeUndefined();
    expect(decodeWorkloads([parts[0], { 'workloads.json': 'gzip:broken' }])).toBeUndefined();
    expect(decodeWorkloads([parts[0], encodeWorkloads(some, 1)[0]])).toBeUndefined();
  });

  it('changes in one part when one pod comes', () => {
    const before = new Map(Array.from({ length: 40 }, (_, index) => [`10.0.0.${index}`, workload(`p${index}`)]));
    const after = new Map([...before, ['10.0.1.1', workload('new')]]);
    const [a, b] = [encodeWorkloads(before, 8), encodeWorkloads(after, 8)];
    expect(a.filter((part, index) => part['workloads.json'] !== b[index]!['workloads.json'])).toHaveLength(1);
  });

  it('has room for 100,000 pods, and a number of parts that does not swing', () => {
    const many = new Map(
      Array.from({ length: 100_000 }, (_, index): [string, Workload] => [
        `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
        workload(`backend-${index.toString(36)}-${(index * 7919) % 9973}`, {
          labels: `app=backend-${index % 97},tier=web`,
        }),
      ]),
    );
    const parts = encodeWorkloads(many, partCount(many.size, 1));
    for (const part of parts) expect(part['workloads.json']!.length).toBeLessThan(900_000);
    expect(decodeWorkloads(parts)?.size).toBe(100_000);
    expect([partCount(4000, 1), partCount(4001, 1), partCount(3999, 2), partCount(1500, 2)]).toEqual([1, 2, 2, 1]);
  });
});

describe('the book of addresses', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function bookOf() {
    const pods = new Map<string, KubeObject>();
    const dirty: string[] = [];
    const clock: Clock = { now: () => vi.getMockedSystemTime()!.valueOf(), wall: () => 0 };
    const book = new WorkloadBook({ pods: () => pods.values(), clock, onDirty: (name) => dirty.push(name) });
    const put = (pod: KubeObject) => {
      const before = pods.get(pod.metadata.name);
      pods.set(pod.metadata.name, pod);
      book.changed(before, pod);
    };
    const remove = (name: string) => {
      const before = pods.get(name);
      pods.delete(name);
      book.changed(before, undefined);
    };
    return { book, dirty, put, remove, read: () => decodeWorkloads(book.maps) };
  }

  it('tells namespaces that want to know, soon, and once a second at the most', () => {
    const { book, dirty, put } = bookOf();
    put(podObject('early', '10.0.0.9'));
    vi.advanceTimersByTime(5000);
    expect(dirty).toEqual([]);
    book.want('ns-west', true);
    for (let index = 0; index < 50; index += 1) put(podObject(`p${index}`, `10.0.0.${index}`));
    vi.advanceTimersByTime(150);
    expect(dirty).toEqual(['ns-west']);
    put(podObject('one-more', '10.0.1.1'));
    vi.advanceTimersByTime(500);
    expect(dirty).toHaveLength(1);
    vi.advanceTimersByTime(600);
    expect(dirty).toHaveLength(2);
    book.want('ns-west', false);
    put(podObject('later', '10.0.1.2'));
    vi.advanceTimersByTime(5000);
    expect(dirty).toHaveLength(2);
  });

  it('says nothing of changes that leave addresses and labels as they are', () => {
    const { book, dirty, put, read } = bookOf();
    book.want('ns-west', true);
    put(podObject('web', '10.0.0.1'));
    vi.advanceTimersByTime(2000);
    const before = book.maps;
    put(podObject('web', '10.0.0.1', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }));
    vi.advanceTimersByTime(2000);
    expect(dirty).toHaveLength(1);
    expect(book.maps).toBe(before);
    expect(read()?.get('10.0.0.1')?.pod).toBe('web');
  });

  it('gives an address that passed on to its new owner, whichever is heard of first', () => {
    const { put, remove, read } = bookOf();
    put(podObject('old', '10.0.0.1'));
    put(podObject('new', '10.0.0.1', { metadata: { creationTimestamp: '2026-03-01T00:00:05Z' } }));
    expect(read()?.get('10.0.0.1')?.pod).toBe('new');
    remove('old');
    expect(read()?.get('10.0.0.1')?.pod).toBe('new');
    remove('new');
    expect(read()?.size).toBe(0);
  });
});

describe('a site whose routers are to know workloads', () => {
  const WORKLOADS = encodeWorkloads(new Map([['10.0.0.1', workload('web')]]), 1);

  it('wants it by its setting, and when another site asks', () => {
    expect(wantsWorkloads(onKubernetes([site()]))).toBe(false);
    expect(wantsWorkloads(onKubernetes([site({ settings: { 'skuprt.io/workload-identity': 'true' } })]))).toBe(true);
    const asking = remoteSite('east');
    asking.site.asksWorkloads = true;
    const network = { sites: [asking], settled: true, gone: new Set<string>() };
    expect(wantsWorkloads(onKubernetes([site()], {}, { network }))).toBe(true);
    const refusing = site({ settings: { 'skuprt.io/workload-identity': 'false' } });
    expect(wantsWorkloads(onKubernetes([refusing], {}, { network }))).toBe(false);
  });

  it('has a ConfigMap that its adaptors may read, and no others are theirs to read', () => {
    const { apply } = namespacePlanOf(onKubernetes([site()], { workloads: WORKLOADS }));
    const map = apply.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'skuprt-workloads');
    expect(decodeWorkloads([map!.data as Record<string, string>])?.size).toBe(1);
    const role = apply.find(({ kind }) => kind === 'Role')!;
    expect(role.rules).toContainEqual({
      apiGroups: [''],
      resources: ['configmaps'],
      resourceNames: ['skuprt-workloads'],
      verbs: ['get', 'list', 'watch'],
    });
    const without = namespacePlanOf(onKubernetes([site()]));
    expect(JSON.stringify(without.apply)).not.toContain('skuprt-workloads');
  });
});

describe('a router that is told who has which address', () => {
  function tellerOf() {
    const router = {
      known: new Map<string, object>(),
      changes: [] as WorkloadChange[],
      failure: undefined as Error | undefined,
    };
    let wanted: Workloads | undefined;
    const client: Pick<RouterClient, 'isUp' | 'setWorkloads'> = {
      isUp: true,
      setWorkloads: async (change) => {
        router.changes.push(change);
        if (router.failure !== undefined) throw router.failure;
        if (change.replace) router.known.clear();
        for (const ip of change.gone) router.known.delete(ip);
        for (const [ip, entry] of change.set) router.known.set(ip, entry);
      },
    };
    const clock: Clock = { now: () => 0, wall: () => 1000 };
    const teller = new WorkloadTeller({ client, wanted: () => wanted, clock, random, log });
    const stop = new AbortController();
    const running = teller.run(stop.signal);
    return {
      router,
      teller,
      want: async (workloads: Workloads | undefined) => {
        const before = router.changes.length;
        wanted = workloads;
        teller.look();
        for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        return router.changes.slice(before);
      },
      end: async () => {
        stop.abort();
        await running;
      },
    };
  }
  const many = (count: number, from = 0) =>
    new Map(
      Array.from({ length: count }, (_, index) => [`10.0.${index >> 8}.${index & 255}`, workload(`p${from + index}`)]),
    );

  it('hears everything first, in pieces of one revision, then only what changed', async () => {
    const { router, want, end } = tellerOf();
    const all = many(2500);
    const first = await want(all);
    expect(first.map(({ replace, set }) => [replace, set.size])).toEqual([
      [true, 1000],
      [false, 1000],
      [false, 500],
    ]);
    expect(new Set(first.map(({ revision }) => revision)).size).toBe(1);
    expect(router.known).toEqual(all);
    const next = new Map(all);
    next.delete('10.0.0.0');
    next.set('10.9.9.9', workload('new'));
    const [change, ...more] = await want(next);
    expect(more).toEqual([]);
    expect([...change!.set.keys(), ...change!.gone]).toEqual(['10.9.9.9', '10.0.0.0']);
    expect(change!.revision).toBeGreaterThan(first[0]!.revision);
    expect(await want(next)).toEqual([]);
    await end();
  });

  it('hears everything anew after it was connected to again', async () => {
    const { router, teller, want, end } = tellerOf();
    await want(many(3));
    router.known.clear();
    teller.reconnected();
    await want(many(3));
    expect(router.known.size).toBe(3);
    expect(router.changes.at(-1)!.replace).toBe(true);
    await end();
  });

  it('is left in peace when nobody asks, when nothing is known, and after it said that it cannot', async () => {
    const { router, want, teller, end } = tellerOf();
    expect(await want(new Map())).toEqual([]);
    expect(await want(undefined)).toEqual([]);
    router.failure = new RouterRefusedError('no such type', 404);
    expect(await want(many(1))).toHaveLength(1);
    expect(await want(many(2))).toEqual([]);
    router.failure = undefined;
    teller.reconnected();
    expect(await want(many(2))).toHaveLength(1);
    await end();
  });

  it('forgets everything when nobody asks any more', async () => {
    const { router, want, end } = tellerOf();
    await want(many(5));
    await want(new Map());
    expect(router.known.size).toBe(0);
    await end();
  });

  it('is taken to know nothing after a call that failed', async () => {
    const { router, want, end } = tellerOf();
    await want(many(2));
    router.failure = new RouterRequestError('the router does not answer');
    await want(many(3));
    router.failure = undefined;
    const [change] = await want(many(3));
    expect(change).toMatchObject({ replace: true });
    expect(router.known.size).toBe(3);
    await end();
  });
});
