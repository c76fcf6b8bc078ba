import { describe, expect, it, vi } from 'vitest';
import { SeededRandom } from '../../lib/random.ts';
import type { TraceContext } from '../../lib/trace/context.ts';
import { type SpanExporterLike, SpanQueue } from '../../lib/trace/exporter.ts';
import type { SpanRecord } from '../../lib/trace/span.ts';
import { Tracer } from '../../lib/trace/tracer.ts';

const SPAN: SpanRecord = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  name: 'x',
  kind: 'internal',
  startedAt: 1,
  endedAt: 2,
  attributes: {},
};

function tracer(ratio = 1) {
  const spans: SpanRecord[] = [];
  const random = new SeededRandom(1);
  const clock = { now: () => 0, wall: () => 1000 };
  return { spans, tracer: new Tracer({ clock, random, ratio, emit: (span) => spans.push(span) }) };
}

describe('spans of operations', () => {
  it('hang together over waits, and tell what failed', async () => {
    const { tracer: made, spans } = tracer();
    let inside: string | undefined;
    await expect(
      made.span('outer', { attributes: { key: 'ns' } }, async () => {
        await made.span('inner', {}, async () => {
          inside = made.context!.traceId;
        });
        made.done('request', {}, 250, 'code 500');
        throw new Error('no such thing');
      }),
    ).rejects.toThrow('no such thing');
    const [inner, request, outer] = spans;
    expect(spans.map(({ name }) => name)).toEqual(['inner', 'request', 'outer']);
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([inside]));
    expect([inner!.parentSpanId, request!.parentSpanId]).toEqual([outer!.spanId, outer!.spanId]);
    expect(outer).toMatchObject({ error: 'no such thing', attributes: { key: 'ns' } });
    expect(request).toMatchObject({ startedAt: 750, endedAt: 1000, error: 'code 500', kind: 'client' });
    expect(made.context).toBeUndefined();
  });

  it('go on with the trace of another process, as it decided', async () => {
    const { tracer: made, spans } = tracer(0);
    const traceparent = `00-${SPAN.traceId}-${SPAN.spanId}-01`;
    await made.span('answer', { traceparent }, async () => {
      expect(made.traceparent).toMatch(new RegExp(`^00-${SPAN.traceId}-[0-9a-f]{16}-01$`));
    });
    expect(spans).toMatchObject([{ traceId: SPAN.traceId, parentSpanId: SPAN.spanId, isParentRemote: true }]);
    await made.span('own', {}, async () => made.done('request', {}, 1));
    expect(spans).toHaveLength(1);
  });

  it('say what was learnt while they were open, and that they failed though nothing was thrown', async () => {
    const { tracer: made, spans } = tracer();
    await made.span('outer', { attributes: { a: 1 } }, async () => {
      made.set({ b: 2 });
      made.spanNow('inner', {}, () => made.fail('refused'));
      made.set({ a: 3 });
    });
    made.set({ c: 4 });
    expect(spans).toMatchObject([
      { name: 'inner', attributes: {}, error: 'refused' },
      { name: 'outer', attributes: { a: 3, b: 2 }, error: undefined },
    ]);
  });

  it('are left out when nothing happened in them, unless they failed or others are in them', async () => {
    const { tracer: made, spans } = tracer();
    made.spanNow('idle', {}, () => made.drop());
    made.spanNow('parent', {}, () => {
      made.drop();
      made.done('child', {}, 1);
    });
    const failing = () =>
      made.spanNow('broken', {}, () => {
        made.drop();
        throw new Error('no');
      });
    expect(failing).toThrow('no');
    expect(spans.map(({ name }) => name)).toEqual(['child', 'parent', 'broken']);
  });

  it('have nothing to do with what goes on after them', async () => {
    const { tracer: made, spans } = tracer();
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const later = made.spanNow('first', {}, () =>
      gate.then(() => {
        expect(made.context).toBeUndefined();
        made.fail('too late');
        return made.span('second', {}, async () => {});
      }),
    );
    open();
    await later;
    const [first, second] = spans;
    expect(first!.error).toBeUndefined();
    expect(second!.parentSpanId).toBeUndefined();
    expect(second!.traceId).not.toBe(first!.traceId);
  });

  it('belong to what led to them, and not to who happens to do them', async () => {
    const { tracer: made, spans } = tracer();
    let cause: TraceContext | undefined;
    await made.span('cause', {}, async () => {
      cause = made.context;
    });
    await made.span('other', {}, async () => {
      await made.span('caused', { cause: { context: cause } }, async () => {});
      await made.span('uncaused', { cause: { context: undefined } }, async () => {});
    });
    const of = (name: string) => spans.find((span) => span.name === name)!;
    expect(of('caused')).toMatchObject({ traceId: of('cause').traceId, parentSpanId: of('cause').spanId });
    expect(of('uncaused').parentSpanId).toBeUndefined();
    expect(of('uncaused').traceId).not.toBe(of('other').traceId);
  });

  it('follow from what another process says, as far as that is said and begun at once', async () => {
    const { tracer: made, spans } = tracer(0);
    const traceparent = `00-${SPAN.traceId}-${SPAN.spanId}-01`;
    const waiting = made.following(traceparent, () => {
      expect(made.keptTraceparent).toBe(traceparent);
      made.spanNow('at once', {}, () => {});
      const { context } = made;
      return Promise.resolve().then(async () => {
        expect(made.context).toBeUndefined();
        await made.span('later', {}, async () => {});
        await made.span('caused', { cause: { context } }, async () => {});
      });
    });
    await waiting;
    for (const nothing of [undefined, 'nonsense']) made.following(nothing, () => made.spanNow('own', {}, () => {}));
    expect(spans).toMatchObject([
      { name: 'at once', traceId: SPAN.traceId, parentSpanId: SPAN.spanId, isParentRemote: true },
      { name: 'caused', traceId: SPAN.traceId, parentSpanId: SPAN.spanId, isParentRemote: true },
    ]);
    expect(new Tracer().following(traceparent, () => 'done')).toBe('done');
  });

  it('may turn out to follow from something, while nothing is in them', async () => {
    const { tracer: made, spans } = tracer(0);
    const traceparent = `00-${SPAN.traceId}-${SPAN.spanId}-01`;
    const other = `00-${'a'.repeat(32)}-${SPAN.spanId}-01`;
    made.spanNow('first', {}, () => {
      made.follow('nonsense');
      made.follow(traceparent);
      made.follow(other);
      made.spanNow('in it', {}, () => {});
    });
    made.spanNow('late', { cause: { context: undefined } }, () => {
      made.spanNow('child', {}, () => {});
      made.follow(traceparent);
    });
    const [child, first] = spans;
    expect(spans).toHaveLength(2);
    expect(first).toMatchObject({ traceId: SPAN.traceId, parentSpanId: SPAN.spanId, isParentRemote: true });
    expect(child).toMatchObject({ traceId: SPAN.traceId, parentSpanId: first!.spanId });
  });

  it('are none without a collector', async () => {
    const made = new Tracer();
    expect(await made.span('x', {}, async () => made.context ?? 'nothing')).toBe('nothing');
    expect(made.spanNow('x', {}, () => made.traceparent ?? 'nothing')).toBe('nothing');
    made.done('y', {}, 1);
    made.set({ a: 1 });
  });
});

describe('spans on their way to a collector', () => {
  function queue(exporter: Partial<SpanExporterLike>) {
    const failures: string[] = [];
    const made = new SpanQueue({
      exporter: { export: (_, done) => done(), shutdown: async () => {}, ...exporter },
      onFailure: ({ message }) => failures.push(message),
    });
    return { made, failures };
  }

  it('go in batches, one after the other', async () => {
    const batches: number[] = [];
    let under = 0;
    const { made } = queue({
      export: (spans, done) => {
        expect(++under).toBe(1);
        batches.push(spans.length);
        queueMicrotask(() => {
          under--;
          done();
        });
      },
    });
    for (let i = 0; i < 1200; i++) made.emit(SPAN);
    await made.flush();
    expect(batches).toEqual([512, 512, 176]);
    expect(made.counts).toEqual({ exported: 1200, failed: 0, dropped: 0 });
  });

  it('are dropped and counted when it takes none, and its end is not waited for', async () => {
    const { made } = queue({ export: () => {} });
    for (let i = 0; i < 5000; i++) made.emit(SPAN);
    expect(made.counts.dropped).toBe(5000 - 4096);
    await made.stop(1);
    expect(made.counts.exported).toBe(0);
  });

  it('are given up, and the next are sent, when its answer has no end', async () => {
    vi.useFakeTimers();
    try {
      let exportCount = 0;
      const { made, failures } = queue({ export: (_, done) => (++exportCount > 1 ? done() : undefined) });
      for (let i = 0; i < 513; i++) made.emit(SPAN);
      const sent = made.flush();
      await vi.advanceTimersByTimeAsync(30_000);
      await sent;
      expect(made.counts).toEqual({ exported: 1, failed: 512, dropped: 0 });
      expect(failures).toEqual([expect.stringContaining('has not answered to the end')]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that it refuses are told of', async () => {
    const { made, failures } = queue({ export: (_, done) => done(new Error('503')) });
    made.emit(SPAN);
    await made.stop(1000);
    expect(made.counts).toEqual({ exported: 0, failed: 1, dropped: 0 });
    expect(failures).toEqual(['503']);
  });
});
