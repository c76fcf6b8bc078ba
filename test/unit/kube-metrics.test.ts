import { describe, expect, it } from 'vitest';
import { ControllerMetrics } from '../../lib/metrics.ts';
import { MetricsServer } from '../../lib/metrics-server.ts';

describe('metrics of a controller', () => {
  it('count calls, looks and writes under our names and those of Skupper', async () => {
    const metrics = new ControllerMetrics({ process: 'site-controller', version: '1' });
    metrics.api.request('apply', 'Service', 200, 20);
    metrics.queue.depth(3);
    metrics.queue.reconciled('error', 10);
    metrics.written('apply', 'Service');
    metrics.leads(true);
    metrics.watch({ kind: 'Pod', size: 7, lastEventAgeMs: () => 1500 });
    const text = await metrics.render();
    for (const line of [
      'skuprt_controller_api_requests_total{verb="apply",kind="Service",code="200"} 1',
      'skupper_kubernetes_client_http_requests_total{method="PATCH",code="200"} 1',
      'skupper_workqueue_depth{name="site-controller"} 3',
      'skuprt_controller_reconcile_total{result="error"} 1',
      'skuprt_controller_writes_total{verb="apply",kind="Service"} 1',
      'skuprt_controller_leader 1',
      'skuprt_controller_watch_last_event_age_seconds{kind="Pod"} 1.5',
      'skuprt_controller_cached_objects{kind="Pod"} 7',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });
});

describe('the server of metrics and probes', () => {
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
