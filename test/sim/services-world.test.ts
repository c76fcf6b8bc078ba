/**
 * Service-controllers of three clusters against API servers that fail in every way, with a mesh that loses and is cut, with people who
 * change things meanwhile and controllers that are killed at any moment; on a virtual clock, decided by a seed. In the end all agree.
 *
 * `SIM_SEEDS=500` tries that many seeds, `SIM_SEED=42` the one.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KubeObject } from '../../lib/kube/object.ts';
import { randomInt, SeededRandom } from '../../lib/random.ts';
import type { Faults } from '../support/kube/fake-api.ts';
import { endServicesWorld } from '../support/sim/services-end.ts';
import { NAMESPACE, ServicesUsers } from '../support/sim/services-users.ts';
import { type ServicesCluster, ServicesWorld } from '../support/sim/services-world.ts';
import { useVirtualTime } from '../support/virtual-time.ts';

const SEEDS = process.env.SIM_SEED
  ? [Number(process.env.SIM_SEED)]
  : Array.from({ length: Number(process.env.SIM_SEEDS ?? 6) }, (_, index) => index + 1);
const DEEDS = 40;
const DEED_MS_MAX = 3000;
/** Two silences of a watch, the longest pause between retries, and the lease of a leader. */
const CONVERGED_MS = 300_000;
const QUIET_MS = 90_000;
const NAMES = ['a', 'b', 'c'];

const FAULTS: Faults = {
  dropRequest: 0.05,
  dropAnswer: 0.05,
  delay: 0.3,
  delayMsMax: 800,
  conflict: 0.1,
  tooManyRequests: 0.05,
  serverFault: 0.05,
  staleList: 0.3,
  cutWatch: 0.05,
  halfOpenWatch: 0.01,
  gone: 0.1,
  garbage: 0.02,
};

let world: ServicesWorld;

beforeEach(() => {
  useVirtualTime(Date.UTC(2026, 2, 1));
});

afterEach(() => endServicesWorld(world));

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** What happens to machines and networks. */
function disturb(random: SeededRandom): void {
  const cluster = world.clusters[randomInt(random, NAMES.length)]!;
  const disturbances = [
    () => cluster.killAll(),
    () => cluster.startController(),
    () => cluster.startController(),
    () => world.bus.setCut(cluster.siteId, true),
    () => world.bus.setCut(cluster.siteId, false),
    () => cluster.api.goDown(),
    () => cluster.api.comeUp(),
    () => cluster.api.cutWatches(),
    () => cluster.api.store.compact(),
  ];
  disturbances[randomInt(random, disturbances.length)]!();
}

/** With those that run, or with fresh ones: what a process remembers must not matter. */
async function converge(areFresh: boolean): Promise<void> {
  world.bus.lossChance = 0;
  for (const cluster of world.clusters) {
    cluster.api.faults = {};
    cluster.api.comeUp();
    world.bus.setCut(cluster.siteId, false);
    if (areFresh) cluster.killAll();
    if (cluster.livingCount === 0) cluster.startController();
  }
  await pass(CONVERGED_MS);
}

/** What others read of an import, without what is each cluster's own. */
function shown(cluster: ServicesCluster, name: string): object | undefined {
  const found = cluster.find('ServiceImport', NAMESPACE, name);
  if (found === undefined) return undefined;
  const { ips: _ips, ...spec } = found.spec as { ips?: string[] };
  const { clusters } = (found.status ?? {}) as { clusters?: { cluster: string }[] };
  return { spec, clusters: (clusters ?? []).map(({ cluster: id }) => id).sort() };
}

function ipsOf(object: KubeObject | undefined): readonly string[] | undefined {
  return (object?.spec as { ips?: string[] } | undefined)?.ips;
}

function check(users: ServicesUsers): void {
  for (const name of users.names) {
    const exporters = users.exporters(name);
    const imports = world.clusters.map((cluster) => shown(cluster, name));
    if (exporters.length === 0) expect(imports, `imports of ${name}`).toEqual([undefined, undefined, undefined]);
    else {
      expect(imports[0], `import of ${name}`).toMatchObject({ clusters: exporters });
      for (const other of imports.slice(1)) expect(other, `import of ${name}`).toEqual(imports[0]);
    }
  }
  for (const cluster of world.clusters) checkCluster(cluster, users);
}

function checkCluster(cluster: ServicesCluster, users: ServicesUsers): void {
  const imported = users.names.filter((name) => users.exporters(name).length > 0);
  const services = (kind: 'Service' | 'EndpointSlice' | 'Listener' | 'Connector' | 'MultiKeyListener') =>
    new Set(cluster.made(kind).map(({ metadata }) => metadata.labels!['skuprt.io/service']));
  const own = imported.filter((name) => servingExporters(users, name).includes(cluster.name));
  const remote = imported.filter((name) => servingExporters(users, name).some((exporter) => exporter !== cluster.name));
  expect(services('Service'), `derived Services of ${cluster.name}`).toEqual(new Set(imported));
  expect(services('Connector'), `Connectors of ${cluster.name}`).toEqual(new Set(own));
  expect(services('Listener'), `Listeners of ${cluster.name}`).toEqual(new Set(remote));
  for (const name of imported) {
    const derived = cluster.made('Service').find(({ metadata }) => metadata.labels!['skuprt.io/service'] === name);
    const { clusterIPs } = derived!.spec as { clusterIPs: string[] };
    expect(ipsOf(cluster.find('ServiceImport', NAMESPACE, name)), `ips of ${name} in ${cluster.name}`).toEqual(
      clusterIPs,
    );
    expect(sourcesOf(cluster, name), `sources of ${name} in ${cluster.name}`).toEqual(readyExporters(users, name));
  }
}

/** Clusters of which a slice has a ready endpoint. */
function sourcesOf(cluster: ServicesCluster, name: string): string[] {
  const isReady = ({ endpoints }: KubeObject) =>
    (endpoints as { conditions?: { ready?: boolean } }[]).some(({ conditions }) => conditions?.ready === true);
  const slices = cluster.list('EndpointSlice', NAMESPACE).filter(isReady);
  const found = slices.filter(({ metadata }) => metadata.labels?.['multicluster.kubernetes.io/service-name'] === name);
  return [
    ...new Set(found.map(({ metadata }) => metadata.labels!['multicluster.kubernetes.io/source-cluster']!)),
  ].sort();
}

/** Who exports the service with a port that the merged one has: of two that clash the older stands. */
function servingExporters(users: ServicesUsers, name: string): string[] {
  const portsOf = (cluster: ServicesCluster, kind: 'Service' | 'ServiceImport') =>
    (cluster.find(kind, NAMESPACE, name)!.spec as { ports: { port: number }[] }).ports.map(({ port }) => port);
  return users.exporters(name).filter((exporter) => {
    const cluster = clusterOf(exporter);
    const merged = portsOf(cluster, 'ServiceImport');
    return portsOf(cluster, 'Service').some((port) => merged.includes(port));
  });
}

function readyExporters(users: ServicesUsers, name: string): string[] {
  return servingExporters(users, name).filter((exporter) => {
    const slice = clusterOf(exporter).find('EndpointSlice', NAMESPACE, name);
    const endpoints = (slice?.endpoints ?? []) as { conditions: { ready: boolean } }[];
    return endpoints.some(({ conditions }) => conditions.ready);
  });
}

function clusterOf(name: string): ServicesCluster {
  return world.clusters.find((cluster) => cluster.name === name)!;
}

describe('services of clusters whose API servers, mesh and controllers fail', () => {
  it.each(SEEDS)('are the same everywhere in the end, and then nothing is written (seed %i)', async (seed) => {
    world = new ServicesWorld(NAMES, seed, FAULTS);
    world.bus.lossChance = 0.1;
    const random = new SeededRandom(seed + 7000);
    const users = new ServicesUsers(world, random);
    for (const cluster of world.clusters) cluster.startController();
    for (let deed = 0; deed < DEEDS; deed += 1) {
      users.act();
      if (randomInt(random, 4) === 0) disturb(random);
      await pass(randomInt(random, DEED_MS_MAX));
    }
    await converge(seed % 3 === 0);
    expect(world.faults).toEqual([]);
    check(users);
    const before = world.clusters.map(({ written }) => written.length);
    await pass(QUIET_MS);
    for (const [index, { written }] of world.clusters.entries()) expect(written.slice(before[index])).toEqual([]);
  });
});
