/**
 * What service-controllers of three clusters send each other and write for one change, counted on a virtual clock: the table of
 * docs/services-exchange.md is this, and nothing is written that is not in it.
 */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { endServicesWorld } from '../support/sim/services-end.ts';
import { type ServicesCluster, ServicesWorld } from '../support/sim/services-world.ts';
import { useVirtualTime } from '../support/virtual-time.ts';

const GUIDE = new URL('../../docs/services-exchange.md', import.meta.url);
const NAMESPACE = 'shop';
/** Longer than anything that follows from one change. */
const SETTLED_MS = 40_000;

let world: ServicesWorld;

beforeEach(() => {
  useVirtualTime(Date.UTC(2026, 2, 1));
});

afterEach(() => endServicesWorld(world));

/** Digests are told at rest too. */
function messages(): string {
  const counts = new Map<string, { count: number; bytes: number }>();
  for (const { type, bytes } of world.bus.sent) {
    if (type === 'digest') continue;
    const { count, bytes: before } = counts.get(type) ?? { count: 0, bytes: 0 };
    counts.set(type, { count: count + 1, bytes: before + bytes });
  }
  const texts = [...counts].sort().map(([type, { count, bytes }]) => `${count} ${type}, ${bytes} bytes`);
  return texts.join('; ') || '-';
}

function writes({ wrote }: ServicesCluster): string {
  const counts = new Map<string, number>();
  for (const write of wrote) counts.set(write, (counts.get(write) ?? 0) + 1);
  return [...counts].map(([write, count]) => (count === 1 ? write : `${count} ${write}`)).join(', ') || '-';
}

async function row(what: string, actor: ServicesCluster, change: () => void, ms = SETTLED_MS): Promise<string> {
  world.bus.sent.length = 0;
  for (const { wrote } of world.clusters) wrote.length = 0;
  change();
  await vi.advanceTimersByTimeAsync(ms);
  const others = world.clusters.filter((cluster) => cluster !== actor);
  const texts = new Set(others.map(writes));
  const inOthers = texts.size === 1 ? [...texts][0] : others.map((one) => `${one.name}: ${writes(one)}`).join('; ');
  return `| ${what} | ${messages()} | ${writes(actor)} | ${inOthers} |`;
}

function serve(cluster: ServicesCluster, port: number): void {
  cluster.put('Service', NAMESPACE, 'web', {
    spec: { type: 'ClusterIP', ports: [{ name: 'http', protocol: 'TCP', port }] },
  });
}

function pods(cluster: ServicesCluster, count: number, ready = count): void {
  cluster.put('EndpointSlice', NAMESPACE, 'web-1', {
    metadata: { labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: count }, (_, index) => ({
      addresses: [`10.1.0.${index + 1}`],
      conditions: { ready: index < ready },
    })),
  });
}

it('is what the guide says', async () => {
  world = new ServicesWorld(['a', 'b', 'c'], 1);
  const [a, b] = world.clusters as [ServicesCluster, ServicesCluster];
  for (const cluster of world.clusters) {
    cluster.put('Namespace', undefined, NAMESPACE, {});
    cluster.startController();
  }
  for (const cluster of [a, b]) {
    serve(cluster, 80);
    pods(cluster, 3);
  }
  await vi.advanceTimersByTimeAsync(SETTLED_MS);
  const exported = (cluster: ServicesCluster) => () => cluster.put('ServiceExport', NAMESPACE, 'web', {});
  const unexported = (cluster: ServicesCluster) => () => cluster.remove('ServiceExport', NAMESPACE, 'web');
  const labelled = { spec: { exportedLabels: { tier: 'front' } } };
  const rows = [
    await row('export with one port and three pods', a, exported(a)),
    await row('a second cluster (b) exports it', b, exported(b)),
    await row('one more pod is ready, 3 to 4', a, () => pods(a, 4)),
    await row('a pod is not ready, 4 to 3', a, () => pods(a, 4, 3)),
    await row('the last pod is not ready', a, () => pods(a, 4, 0)),
    await row('the first pod is ready', a, () => pods(a, 4, 1)),
    await row('an exported label is another', a, () => a.put('ServiceExport', NAMESPACE, 'web', labelled)),
    await row('a conflict: b has another port', b, () => serve(b, 81)),
    await row('it is over', b, () => serve(b, 80)),
    await row('a controller is killed and started', a, () => {
      a.killAll();
      a.startController();
    }),
    await row('the links of a are down for 40 s', a, () => world.bus.setCut(a.siteId, true)),
    await row('they are up again', a, () => world.bus.setCut(a.siteId, false)),
    await row('b exports it no more', b, unexported(b)),
    await row('a, the last, exports it no more', a, unexported(a)),
    await row('nothing, for 60 s', a, () => undefined, 60_000),
  ];
  expect(world.faults).toEqual([]);
  if (process.env.SERVICES_SENT_SHOW) process.stdout.write(`${rows.join('\n')}\n`);
  const guide = readFileSync(GUIDE, 'utf8');
  expect(rows.filter((one) => !guide.includes(one))).toEqual([]);
  expect(rows.at(-1)).toMatch(/\| - \| - \| - \|$/);
});
