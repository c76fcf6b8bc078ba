/** The service-controller in clusters in memory: who speaks for a cluster and who writes, when it leaves, and what a change concerns. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KubeObject } from '../../lib/kube/object.ts';
import { type Life, type ServicesCluster, ServicesWorld } from '../support/sim/services-world.ts';
import { useVirtualTime } from '../support/virtual-time.ts';

const NAMESPACE = 'shop';
/** The lease of a leader, and a bit. */
const TAKEN_OVER_MS = 20_000;
const SETTLED_MS = 17_000;
const LEASE_MS = 16_000;

let world: ServicesWorld;
let west: ServicesCluster;
let east: ServicesCluster;

beforeEach(() => {
  useVirtualTime(Date.UTC(2026, 2, 1));
  world = new ServicesWorld(['west', 'east'], 1);
  [west, east] = world.clusters as [ServicesCluster, ServicesCluster];
  for (const cluster of world.clusters) cluster.put('Namespace', undefined, NAMESPACE, {});
  west.put('Deployment', 'skupper', 'skuprt-service-controller', { spec: { replicas: 2 } });
});

afterEach(async () => {
  for (const cluster of world.clusters) cluster.api.comeUp();
  for (const cluster of world.clusters) cluster.killAll();
  await pass(30_000);
  await Promise.all(world.clusters.map((cluster) => cluster.ended()));
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function exportFrom(cluster: ServicesCluster, name: string, isReady = true): void {
  cluster.put('Service', NAMESPACE, name, {
    spec: { type: 'ClusterIP', ports: [{ name: 'http', protocol: 'TCP', port: 80 }] },
  });
  cluster.put('EndpointSlice', NAMESPACE, name, {
    metadata: { labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready: isReady } }],
  });
  cluster.put('ServiceExport', NAMESPACE, name, {});
}

const imported = (cluster: ServicesCluster, name: string) =>
  cluster.find('ServiceImport', NAMESPACE, name) !== undefined;

/** A slice for the service has a ready endpoint of that cluster. */
function isServed(cluster: ServicesCluster, name: string, source: string): boolean {
  const labels = {
    'multicluster.kubernetes.io/service-name': name,
    'multicluster.kubernetes.io/source-cluster': source,
  };
  const isMeant = ({ metadata }: KubeObject) =>
    Object.entries(labels).every(([key, is]) => metadata.labels?.[key] === is);
  const endpoints = (slice: KubeObject) => slice.endpoints as { conditions?: { ready?: boolean } }[];
  const slices = cluster.list('EndpointSlice', NAMESPACE).filter(isMeant);
  return slices.some((slice) => endpoints(slice).some(({ conditions }) => conditions?.ready === true));
}

/** `web` of west in both. */
async function begin(flags: Record<string, string | boolean> = {}): Promise<Life> {
  const life = west.startController(flags);
  east.startController();
  await pass(SETTLED_MS);
  exportFrom(west, 'web');
  await pass(2000);
  expect([imported(east, 'web'), isServed(east, 'web', 'west')]).toEqual([true, true]);
  return life;
}

describe('a cluster that stops', () => {
  it('is only silent in a rollout: its endpoints go with its lease, its import stays', async () => {
    const life = await begin();
    life.stop();
    await pass(3000);
    expect(isServed(east, 'web', 'west')).toBe(true);
    await pass(LEASE_MS);
    expect([imported(east, 'web'), isServed(east, 'web', 'west')]).toEqual([true, false]);
  });

  it('leaves when its Deployment is scaled to nothing', async () => {
    const life = await begin();
    west.put('Deployment', 'skupper', 'skuprt-service-controller', { spec: { replicas: 0 } });
    life.stop();
    await pass(1000);
    expect(imported(east, 'web')).toBe(false);
  });

  it('leaves when it was told to at each end', async () => {
    const life = await begin({ 'leave-on-stop': true });
    life.stop();
    await pass(1000);
    expect(imported(east, 'web')).toBe(false);
  });

  it('leaves when no Site carries its services any more, and says why at its exports', async () => {
    await begin();
    west.remove('Site', 'skupper', 'west');
    await pass(1000);
    expect(imported(east, 'web')).toBe(false);
    const { conditions } = west.find('ServiceExport', NAMESPACE, 'web')!.status as { conditions: object[] };
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', message: expect.stringMatching(/no Site/i) }),
    );
  });

  it('leaves under its old name when its ClusterProperty is changed, and joins under the new one', async () => {
    await begin();
    west.put('ClusterProperty', undefined, 'cluster.clusterset.k8s.io', { spec: { value: 'far-west' } });
    await pass(2000);
    expect([isServed(east, 'web', 'west'), isServed(east, 'web', 'far-west')]).toEqual([false, true]);
  });
});

describe('replicas of one cluster', () => {
  it('take over from one that was killed without anyone noticing elsewhere', async () => {
    const first = await begin();
    const second = west.startController();
    await pass(SETTLED_MS);
    const written = east.written.length;
    first.kill();
    await pass(TAKEN_OVER_MS);
    expect(second.isLeading).toBe(true);
    exportFrom(west, 'db');
    await pass(2000);
    expect(imported(east, 'db')).toBe(true);
    const deleted = east.written.slice(written).filter((what) => what.startsWith('DELETED'));
    expect(deleted).toEqual([]);
    expect(isServed(east, 'web', 'west')).toBe(true);
  });

  it('withdraw what was unexported while nobody led', async () => {
    const first = await begin();
    first.kill();
    west.remove('ServiceExport', NAMESPACE, 'web');
    west.startController();
    await pass(TAKEN_OVER_MS + SETTLED_MS);
    expect([imported(east, 'web'), imported(west, 'web')]).toEqual([false, false]);
  });

  it('say what they knew last while their API server is away, and write nothing', async () => {
    const life = await begin();
    west.api.goDown();
    const written = west.written.length;
    await pass(120_000);
    expect([life.isLeading, isServed(east, 'web', 'west')]).toEqual([false, true]);
    expect(west.written.length).toBe(written);
    west.api.comeUp();
    west.remove('ServiceExport', NAMESPACE, 'web');
    await pass(60_000);
    expect(imported(east, 'web')).toBe(false);
  });
});

describe('a change', () => {
  it('of a Service that nobody exported wakes nobody', async () => {
    const life = await begin();
    const add = vi.spyOn(life.controller.queue, 'add');
    west.put('Service', NAMESPACE, 'private', { spec: { ports: [{ port: 1 }] } });
    west.put('EndpointSlice', NAMESPACE, 'private', {
      metadata: { labels: { 'kubernetes.io/service-name': 'private' } },
    });
    await pass(1000);
    expect(add).not.toHaveBeenCalled();
  });

  it("of a router's report wakes the service whose listener changed, and no other", async () => {
    await begin();
    exportFrom(west, 'db');
    await pass(3000);
    const add = vi.spyOn(east.leader!.controller.queue, 'add');
    const [listener] = east.made('Listener').filter(({ metadata }) => metadata.labels!['skuprt.io/service'] === 'db');
    east.setListening(`listener/${listener!.metadata.name}`, false);
    await pass(500);
    expect(new Set(add.mock.calls.map(([key]) => key))).toEqual(new Set([`${NAMESPACE}/db`]));
    expect([isServed(east, 'db', 'west'), isServed(east, 'web', 'west')]).toEqual([false, true]);
  });

  it('of readiness to none is known elsewhere at once, and back', async () => {
    await begin();
    exportFrom(west, 'web', false);
    await pass(300);
    expect([imported(east, 'web'), isServed(east, 'web', 'west')]).toEqual([true, false]);
    exportFrom(west, 'web', true);
    await pass(300);
    expect(isServed(east, 'web', 'west')).toBe(true);
  });

  it('of nothing writes nothing', async () => {
    await begin();
    await pass(60_000);
    const written = [west.written.length, east.written.length];
    const changes = world.clusters.map(({ api }) => api.store.version);
    await pass(4000);
    expect([west.written.length, east.written.length]).toEqual(written);
    // Renewals of the leases are all there is.
    for (const [index, { api }] of world.clusters.entries())
      expect(api.store.version - changes[index]!).toBeLessThan(6);
  });
});
