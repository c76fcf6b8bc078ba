/** One trace from the command that exports a service, over the controller of its cluster, to what that of another cluster makes of it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TRACE_ANNOTATION } from '../../config/names.ts';
import type { SpanRecord } from '../../lib/trace/span.ts';
import { endServicesWorld } from '../support/sim/services-end.ts';
import { type ServicesCluster, ServicesWorld } from '../support/sim/services-world.ts';
import { MadeSpans } from '../support/spans.ts';
import { useVirtualTime } from '../support/virtual-time.ts';

const NAMESPACE = 'shop';
const SETTLED_MS = 40_000;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const COMMAND = '00f067aa0ba902b7';
const TOLD = { metadata: { annotations: { [TRACE_ANNOTATION]: `00-${TRACE}-${COMMAND}-01` } } };

let world: ServicesWorld;

beforeEach(() => {
  useVirtualTime(Date.UTC(2026, 2, 1));
});

afterEach(async () => {
  await endServicesWorld(world);
  expect(world.faults).toEqual([]);
});

/** Two clusters that know each other, and what each of them tells a collector. */
async function begin(ratios: readonly [number, number] = [0, 0]): Promise<[ServicesCluster, MadeSpans][]> {
  world = new ServicesWorld(['west', 'east'], 1);
  const made = world.clusters.map((cluster, index): [ServicesCluster, MadeSpans] => {
    const spans = new MadeSpans(index + 1, ratios[index]);
    cluster.tracer = spans.tracer;
    cluster.put('Namespace', undefined, NAMESPACE, {});
    cluster.startController();
    return [cluster, spans];
  });
  serve(world.clusters[0]!);
  await vi.advanceTimersByTimeAsync(SETTLED_MS);
  for (const [, { all }] of made) all.length = 0;
  return made;
}

function serve(cluster: ServicesCluster): void {
  for (const name of ['web', 'api']) {
    cluster.put('Service', NAMESPACE, name, {
      spec: { type: 'ClusterIP', ports: [{ name: 'http', protocol: 'TCP', port: 80 }] },
    });
    cluster.put('EndpointSlice', NAMESPACE, `${name}-1`, {
      metadata: { labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready: true } }],
    });
  }
}

/** Of the trace of the command. */
function ofTrace({ all }: MadeSpans): SpanRecord[] {
  return all.filter(({ traceId }) => traceId === TRACE);
}

const annotated = (cluster: ServicesCluster, kind: 'Connector' | 'Listener' | 'MultiKeyListener') =>
  cluster.made(kind).map(({ metadata }) => metadata.annotations?.[TRACE_ANNOTATION]?.split('-')[1]);

describe('a command that exports a service', () => {
  it('is in one trace with the merge elsewhere, and with what is written for it in both clusters', async () => {
    const [[west, ofWest], [east, ofEast]] = (await begin()) as [
      [ServicesCluster, MadeSpans],
      [ServicesCluster, MadeSpans],
    ];
    west.put('ServiceExport', NAMESPACE, 'web', TOLD);
    await vi.advanceTimersByTimeAsync(SETTLED_MS);

    const look = ofTrace(ofWest).find(({ parentSpanId }) => parentSpanId === COMMAND)!;
    expect(look).toMatchObject({ name: 'reconcile', isParentRemote: true, attributes: { 'skuprt.key': 'shop/web' } });
    const merge = ofTrace(ofEast).find(({ name }) => name === 'merge')!;
    expect(merge).toMatchObject({
      attributes: { 'skuprt.clusters': 'west', 'skuprt.services': 1 },
      isParentRemote: true,
    });
    expect(ofTrace(ofWest).map(({ spanId }) => spanId)).toContain(merge.parentSpanId);
    expect(ofTrace(ofEast)).toContainEqual(expect.objectContaining({ name: 'reconcile', parentSpanId: merge.spanId }));
    // The controllers of the sites go on with it.
    expect(annotated(west, 'Connector')).toEqual([TRACE]);
    expect(annotated(east, 'Listener')).toEqual([TRACE]);
    expect(annotated(east, 'MultiKeyListener')).toEqual([TRACE]);
  });

  it('leaves others alone: what nobody traced is in no trace, and two services in two', async () => {
    const [[west], [east, ofEast]] = (await begin()) as [[ServicesCluster, MadeSpans], [ServicesCluster, MadeSpans]];
    const other = 'a'.repeat(32);
    west.put('ServiceExport', NAMESPACE, 'web', TOLD);
    west.put('ServiceExport', NAMESPACE, 'api', {
      metadata: { annotations: { [TRACE_ANNOTATION]: `00-${other}-${COMMAND}-01` } },
    });
    await vi.advanceTimersByTimeAsync(SETTLED_MS);
    const merges = ofEast.all.filter(({ name }) => name === 'merge');
    expect(merges.map(({ traceId }) => traceId).sort()).toEqual([TRACE, other].sort());
    ofEast.all.length = 0;
    // Somebody without a collector changes both.
    for (const name of ['web', 'api']) {
      west.put('ServiceExport', NAMESPACE, name, { spec: { exportedLabels: { tier: 'front' } } });
    }
    await vi.advanceTimersByTimeAsync(SETTLED_MS);
    expect(ofEast.all).toEqual([]);
    expect(east.list('ServiceImport', NAMESPACE)).toHaveLength(2);
  });

  it('is not told anew by a controller that is started, nor to one that asks later', async () => {
    const [[west, ofWest], [east, ofEast]] = (await begin()) as [
      [ServicesCluster, MadeSpans],
      [ServicesCluster, MadeSpans],
    ];
    west.put('ServiceExport', NAMESPACE, 'web', TOLD);
    await vi.advanceTimersByTimeAsync(SETTLED_MS);
    for (const { all } of [ofWest, ofEast]) all.length = 0;
    for (const cluster of [west, east]) {
      cluster.killAll();
      cluster.startController();
    }
    await vi.advanceTimersByTimeAsync(SETTLED_MS);
    expect([...ofTrace(ofWest), ...ofTrace(ofEast)]).toEqual([]);
  });

  it('leaves no annotation where nothing is traced', async () => {
    const [[west], [east]] = (await begin()) as [[ServicesCluster, MadeSpans], [ServicesCluster, MadeSpans]];
    west.put('ServiceExport', NAMESPACE, 'web', {});
    await vi.advanceTimersByTimeAsync(SETTLED_MS);
    expect([...annotated(west, 'Connector'), ...annotated(east, 'Listener')]).toEqual([undefined, undefined]);
  });
});
