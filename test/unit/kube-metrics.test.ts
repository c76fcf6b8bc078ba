import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { WorkQueue } from '../../lib/kube/queue.ts';
import { createLogger } from '../../lib/log.ts';
import { LogLevelSwitch } from '../../lib/log-level.ts';
import { ControllerMetrics } from '../../lib/metrics.ts';
import { MetricsServer } from '../../lib/metrics-server.ts';
import { SeededRandom } from '../../lib/random.ts';
import type { SpanRecord } from '../../lib/trace/span.ts';
import { Tracer } from '../../lib/trace/tracer.ts';

describe('metrics of a controller', () => {
  it('count calls, looks and writes under our names and those of Skupper', async () => {
    const metrics = new ControllerMetrics({ process: 'site-controller', version: '1' });
    metrics.api.request('apply', 'Service', 200, 20);
    metrics.queue.depth(3);
    metrics.queue.reconciled('error', 10);
    metrics.written('apply', 'Service');
    metrics.leads(true);
    metrics.rehearses(() => ({ Expose: 2 }));
    metrics.watch({ kind: 'Pod', size: 7, lastEventAgeMs: () => 1500 });
    const text = await metrics.render();
    for (const line of [
      'skuprt_controller_api_requests_total{verb="apply",kind="Service",code="200"} 1',
      'skupper_kubernetes_client_http_requests_total{method="PATCH",code="200"} 1',
      'skupper_workqueue_depth{name="site-controller"} 3',
      'skuprt_controller_reconcile_total{result="error"} 1',
      'skuprt_controller_writes_total{verb="apply",kind="Service"} 1',
      'skuprt_controller_leader 1',
      'skuprt_controller_policy_would_refuse{operation="Expose"} 2',
      'skuprt_controller_watch_last_event_age_seconds{kind="Pod"} 1.5',
      'skuprt_controller_cached_objects{kind="Pod"} 7',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });
});

describe('exemplars of a controller', () => {
  it('lead to the traces of looks and calls, in OpenMetrics', async () => {
    const spans: SpanRecord[] = [];
    const clock = { now: () => 0, wall: () => 0 };
    const emit = (span: SpanRecord) => spans.push(span);
    const tracer = new Tracer({ clock, random: new SeededRandom(1), ratio: 1, emit });
    const metrics = new ControllerMetrics({ process: 'site-controller', version: '1', tracer });
    await metrics.queue.around!('west', async () => metrics.api.request('list', 'Pod', 503, 20));
    metrics.api.request('get', 'Site', 200, 20);
    const [open, text] = await Promise.all([metrics.render('openmetrics'), metrics.render()]);
    expect(spans.map(({ name, error }) => [name, error])).toEqual([
      ['list Pod', 'code 503'],
      ['reconcile', undefined],
    ]);
    expect(spans[1]!.attributes).toEqual({ 'skuprt.key': 'west' });
    const exemplar = `# {trace_id="${spans[0]!.traceId}"}`;
    const linesWith = (name: string) =>
      open.split('\n').filter((line) => line.startsWith(name) && line.includes(exemplar));
    expect(linesWith('skuprt_controller_reconcile_duration_seconds_bucket')).toHaveLength(1);
    expect(linesWith('skuprt_controller_api_request_duration_seconds_bucket{le="0.025",verb="list"')).toHaveLength(1);
    expect(open.endsWith('# EOF\n')).toBe(true);
    expect(text).not.toMatch(/EOF|trace_id/);
    expect(text).toContain('# TYPE skuprt_controller_reconcile_total counter\n');
    expect(open).toContain('# TYPE skuprt_controller_reconcile counter\n');
  });
});

describe('the look at a key', () => {
  it('belongs to the trace of what called for it, not of what came before it in the queue', async () => {
    const spans: SpanRecord[] = [];
    const clock = { now: () => 0, wall: () => 0 };
    const emit = (span: SpanRecord) => spans.push(span);
    const tracer = new Tracer({ clock, random: new SeededRandom(1), ratio: 1, emit });
    const { queue: observer } = new ControllerMetrics({ process: 'service-controller', version: '1', tracer });
    const done: string[] = [];
    const queue = new WorkQueue({
      run: async (key) => {
        done.push(key);
        return undefined;
      },
      clock,
      random: new SeededRandom(1),
      log: createLogger({ name: 'test', level: 'silent' }),
      observer,
    });
    const stop = new AbortController();
    queue.add('by itself');
    tracer.spanNow('merge', {}, () => queue.add('merged'));
    const running = queue.run(stop.signal);
    await vi.waitFor(() => expect(queue.isIdle).toBe(true));
    stop.abort();
    await running;
    const of = (key: string) => spans.find(({ attributes }) => attributes['skuprt.key'] === key)!;
    const merge = spans.find(({ name }) => name === 'merge')!;
    expect(of('merged')).toMatchObject({ traceId: merge.traceId, parentSpanId: merge.spanId });
    expect(of('by itself').parentSpanId).toBeUndefined();
    expect(done).toEqual(['by itself', 'merged']);
  });
});

describe('the level of a log', () => {
  const lines: string[] = [];
  const log = createLogger({ name: 'x', destination: { write: (line: string) => lines.push(line) } });

  it('changes by a signal, and back by the next', () => {
    const signals = new EventEmitter();
    const unlisten = new LogLevelSwitch(log, 'info').listen(signals as NodeJS.Process);
    log.debug('hidden');
    signals.emit('SIGUSR2');
    log.debug('shown');
    signals.emit('SIGUSR2');
    log.debug('hidden');
    unlisten();
    expect(signals.listenerCount('SIGUSR2')).toBe(0);
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['log level changed', 'shown', 'log level changed']);
    // The key of the line's own level stands there once.
    expect(lines.map((line) => line.match(/"level":"\w+"/g))).toEqual([
      ['"level":"info"'],
      ['"level":"debug"'],
      ['"level":"info"'],
    ]);
  });

  it('tells of each change, also of one to a level that lets little through', () => {
    lines.length = 0;
    const level = new LogLevelSwitch(log, 'info');
    for (const next of ['error', 'warn', 'debug', 'info'] as const) level.set(next);
    const told = lines.map((line) => JSON.parse(line)).map(({ before, after }) => `${before} ${after}`);
    // Between two that both let no such line through, nothing is.
    expect(told).toEqual(['info error', 'warn debug', 'debug info']);
  });

  it('changes over HTTP from the same host, to a level that there is', async () => {
    const server = new MetricsServer({ metrics: async () => '', logLevel: new LogLevelSwitch(log, 'info') });
    const port = await server.start({ port: 0, host: '127.0.0.1' });
    const ask = async (method: string, query = '') => {
      const answer = await fetch(`http://127.0.0.1:${port}/log-level${query}`, { method });
      return [answer.status, (await answer.text()).trim()];
    };
    expect(await ask('PUT', '?level=trace')).toEqual([200, 'trace']);
    expect(log.level).toBe('trace');
    expect(await ask('GET')).toEqual([200, 'trace']);
    expect((await ask('PUT', '?level=loud'))[0]).toBe(400);
    expect((await ask('DELETE'))[0]).toBe(405);
    expect(log.level).toBe('trace');
    await server.stop();
  });
});

describe('the server of metrics and probes', () => {
  it('tells what is not for everybody to who comes from its own host, or pod, alone', async () => {
    const tell = async () => ({ told: true });
    const levels = new LogLevelSwitch(createLogger({ name: 'x', level: 'silent' }), 'info');
    const parts = { metrics: async () => 'm 1', logLevel: levels, tell };
    const statuses = async (server: MetricsServer) => {
      const port = await server.start({ port: 0, host: '127.0.0.1' });
      const asked = [
        ['GET', '/metrics'],
        ['GET', '/explain/shop/web?test=true'],
        ['PUT', '/log-level?level=info'],
      ] as const;
      const got = asked.map(
        async ([method, path]) => (await fetch(`http://127.0.0.1:${port}${path}`, { method })).status,
      );
      return await Promise.all(got).finally(() => server.stop());
    };
    expect(await statuses(new MetricsServer(parts))).toEqual([200, 200, 200]);
    expect(await statuses(new MetricsServer(parts, () => false))).toEqual([200, 403, 403]);
  });

  it('answers probes by what is asked of it, and nothing else', async () => {
    let waitsFor: string | undefined = 'caches';
    const server = new MetricsServer({ metrics: async () => 'm 1', notReady: () => waitsFor });
    const port = await server.start({ port: 0, host: '127.0.0.1' });
    const get = async (path: string, method = 'GET') => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
      return [answer.status, await answer.text()];
    };
    expect(await get('/metrics')).toEqual([200, 'm 1\n']);
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
    expect(await get('/readyz')).toEqual([503, 'caches\n']);
    waitsFor = undefined;
    expect(await get('/readyz')).toEqual([200, 'ok\n']);
    expect((await get('/other'))[0]).toBe(404);
    expect((await get('/metrics', 'POST'))[0]).toBe(405);
    const second = new MetricsServer({ metrics: async () => '' });
    await expect(second.start({ port, host: '127.0.0.1' })).rejects.toMatchObject({ code: 'SKUPRT_METRICS_LISTEN' });
    await server.stop();
  });
});
