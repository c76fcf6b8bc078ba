/** One trace for a connection across routers: who makes which spans, and how they hang together, also when ways and backends refuse. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../lib/random.ts';
import type { SpanRecord } from '../../lib/trace/span.ts';
import { SpanMaker } from '../../router/telemetry/trace/flow-tracer.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';

interface Told extends SpanRecord {
  router: string;
}

/** A line of three routers, A to C. */
function network(ratio: (id: string) => number): { made: RouterNetwork; spans: Told[] } {
  const made = new RouterNetwork(3);
  const random = new SeededRandom(5);
  const spans: Told[] = [];
  for (const id of ['A', 'B', 'C']) {
    made.addRouter(id);
    const { router } = made.routers.get(id)!;
    router.bridge.tracer = new SpanMaker({
      ratio: ratio(id),
      random: () => random.next(),
      now: () => router.bridge.now,
      wall: (ms) => ms,
      emit: (span) => spans.push({ ...span, router: id }),
    });
  }
  made.connect('A', 'B');
  made.connect('B', 'C');
  made.addService('one', ['C']);
  made.scheduler.runFor(2000);
  return { made, spans };
}

const atA = (id: string): number => (id === 'A' ? 1 : 0);
const named = (spans: readonly Told[], name: string) => spans.filter((span) => span.name === name);

describe('a connection that is traced', () => {
  it('is one trace of its client, its route, its backend and its dial, in the order of time', () => {
    const { made, spans } = network(atA);
    const client = made.startFlow('A', 'one', { requestBytes: 100, responseBytes: 5000 });
    made.scheduler.runFor(3000);
    expect(client!.isComplete).toBe(true);
    expect(spans.map(({ name, router }) => `${router} ${name}`).sort()).toEqual([
      'A connection',
      'A route',
      'C backend connection',
      'C dial',
    ]);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    const [connection, route, backend, dial] = ['connection', 'route', 'backend connection', 'dial'].map(
      (name) => named(spans, name)[0]!,
    );
    expect(connection!.parentSpanId).toBeUndefined();
    expect(route!.parentSpanId).toBe(connection!.spanId);
    expect(backend!.parentSpanId).toBe(route!.spanId);
    expect(backend!.isParentRemote).toBe(true);
    expect(dial!.parentSpanId).toBe(backend!.spanId);
    expect(spans.every(({ error }) => error === undefined)).toBe(true);
    expect(connection!.attributes).toMatchObject({ 'skuprt.listener': 'one', 'skuprt.octets_in': 104 });
    expect(backend!.attributes).toMatchObject({ 'skuprt.routing_key': 'one', 'skuprt.octets_in': 5000 });
    // The routers that the stream has passed.
    expect(backend!.attributes['skuprt.path']).toMatch(/A.*B/);
    expect(connection!.events!.map(({ name }) => name)).toEqual([
      'answered',
      'first octet of the client',
      'first octet of the backend',
    ]);
    const moments = [
      connection!.startedAt,
      backend!.startedAt,
      dial!.endedAt,
      route!.endedAt,
      connection!.events![1]!.at,
      connection!.events![2]!.at,
      connection!.endedAt,
    ];
    expect(moments).toEqual([...moments].sort((a, b) => a - b));
    const { connectTimes } = made.routers.get('A')!.router.bridge;
    expect(connectTimes.exemplars.filter(Boolean)).toEqual([
      { traceId: connection!.traceId, seconds: (route!.endedAt - connection!.startedAt) / 1000 },
    ]);
  });

  it('whose backend refuses tells so at both ends', () => {
    const { made, spans } = network(atA);
    made.refusing.add('C one');
    made.startFlow('A', 'one', { requestBytes: 10, responseBytes: 10 });
    made.scheduler.runFor(20_000);
    for (const name of ['connection', 'backend connection', 'dial']) {
      expect(named(spans, name).length).toBeGreaterThan(0);
      expect(named(spans, name).every(({ error }) => error !== undefined)).toBe(true);
    }
    expect(named(spans, 'connection')).toHaveLength(1);
  });

  it('has no span left open when its link is cut', () => {
    const { made, spans } = network(atA);
    made.startFlow('A', 'one', { requestBytes: 50_000_000, responseBytes: 10 });
    made.scheduler.runFor(50);
    for (const link of made.links) made.cut(link);
    made.scheduler.runFor(60_000);
    expect(named(spans, 'connection')).toHaveLength(1);
    expect(named(spans, 'backend connection')).toHaveLength(1);
    expect(named(spans, 'connection')[0]!.error).toBeDefined();
  });
});

describe('connections that are not traced', () => {
  it('make no span anywhere: who began the trace decides', () => {
    const { made, spans } = network((id) => (id === 'C' ? 1 : 0));
    const client = made.startFlow('A', 'one', { requestBytes: 100, responseBytes: 100 });
    made.scheduler.runFor(3000);
    expect(client!.isComplete).toBe(true);
    expect(spans).toEqual([]);
    // Its time counts all the same.
    const { connectTimes } = made.routers.get('A')!.router.bridge;
    expect(connectTimes.counts.reduce((sum, count) => sum + count)).toBe(1);
    expect(connectTimes.exemplars.every((exemplar) => exemplar === undefined)).toBe(true);
  });

  it('are most of them: about the ratio is', () => {
    const { made, spans } = network((id) => (id === 'A' ? 0.25 : 0));
    for (let i = 0; i < 400; i++) {
      made.startFlow('A', 'one', { requestBytes: 10, responseBytes: 10 });
      made.scheduler.runFor(5);
    }
    made.scheduler.runFor(3000);
    const count = named(spans, 'connection').length;
    expect(count).toBeGreaterThan(60);
    expect(count).toBeLessThan(140);
    expect(named(spans, 'backend connection')).toHaveLength(count);
  });
});
