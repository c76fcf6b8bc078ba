/**
 * Dashboards and alerts on a real Prometheus that scrapes two routers with a service between them, and what controllers tell: each query
 * answers with data, none names what does not exist. Where there is no Prometheus, this is left out.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../config/monitoring/dashboards.ts';
import { ALERTS, RECORDINGS } from '../../config/monitoring/rules.ts';
import { MetricsServer } from '../../lib/metrics-server.ts';
import { renderedControllerMetrics } from '../support/counters.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork } from '../support/live-network.ts';
import { Prometheus, prometheus, promtool, runPromtool, SpanCollector } from '../support/monitoring.ts';
import { connect, echoServer, type Listening, readAll } from '../support/tcp.ts';

const RULES = resolve('config/monitoring/rules.yaml');
const HOW_TO_HAVE_IT =
  'monitoring: tests with a Prometheus are skipped; to run them, have prometheus and promtool in PATH\n';
/** Answered with nothing while all is well. */
const EMPTY_WHEN_WELL = ['Faults of peers', 'Refused by policies'];

if (prometheus === undefined || promtool === undefined) process.stdout.write(HOW_TO_HAVE_IT);

describe.runIf(prometheus !== undefined && promtool !== undefined)('rules', () => {
  it('are what Prometheus takes, and fire when they should and not before', () => {
    expect(runPromtool('check', 'rules', RULES)).toMatchObject({ status: 0 });
    const tests = runPromtool('test', 'rules', resolve('test/support/monitoring/rules.test.yaml'));
    expect(tests.output).toContain('SUCCESS');
    expect(tests.status).toBe(0);
  });

  it('are each tested', () => {
    const text = readFileSync('test/support/monitoring/rules.test.yaml', 'utf8');
    expect(ALERTS.filter(({ alert }) => !text.includes(`alertname: ${alert}\n`)).map(({ alert }) => alert)).toEqual([]);
  });
});

describe.runIf(prometheus !== undefined)('a Prometheus', () => {
  const directory = mkdtempSync(join(tmpdir(), 'skuprt-prometheus-'));
  const network = new LiveNetwork();
  let collector: SpanCollector;
  let backend: Listening;
  let controllers: MetricsServer;
  let server: Prometheus;

  beforeAll(async () => {
    collector = await SpanCollector.start();
    Object.assign(process.env, collector.environment, { OTEL_TRACES_SAMPLER: 'always_on' });
    backend = await echoServer();
    const [west, east] = [await network.router('west'), await network.router('east')];
    await network.link(west, east);
    const port = await network.publish(west, 'web');
    network.offer(east, 'web', backend.port);
    await network.start();
    await network.accepting(port);
    controllers = new MetricsServer({ metrics: renderedControllerMetrics });
    const jobs = { west: [west.httpPort], east: [east.httpPort], controllers: [await controllers.start({ port: 0 })] };
    server = await Prometheus.start(directory, RULES, jobs);
    await eventually('all are scraped', async () => (await server.problems()).length === 0, 30_000);
    await eventually(
      'rates are known',
      async () => {
        for (let i = 0; i < 5; i++) await echoed(port);
        if ((await server.query('rate(skuprt_dns_queries_total[1m])')).length === 0) return false;
        return Number((await rateOf('web'))[0]?.value[1] ?? 0) > 0;
      },
      60_000,
    );
  });

  afterAll(async () => {
    for (const name of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_TRACES_SAMPLER']) delete process.env[name];
    await server?.stop();
    await controllers?.stop();
    await network.stop();
    await backend?.close();
    collector?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function echoed(port: number): Promise<void> {
    const socket = await connect(port);
    socket.end('hello');
    expect(String(await readAll(socket))).toBe('hello');
  }

  function rateOf(address: string) {
    return server.query(
      `sum(rate(skuprt_router_service_flows_opened_total{side="listener", address="${address}"}[30s]))`,
    );
  }

  it('scrapes each process without a fault', async () => {
    expect(await server.problems()).toEqual([]);
    expect(await server.query('count(skuprt_router_info)')).toMatchObject([{ value: [expect.anything(), '2'] }]);
  });

  it.each(DASHBOARDS.map((dashboard) => [dashboard.uid, dashboard] as const))(
    'answers each query of the dashboard %s',
    async (_, { panels, variables }) => {
      const silent: string[] = [];
      for (const { title, queries } of panels) {
        for (const { expr } of queries) {
          const concrete = expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(\w+)/g, '.*');
          const result = await server.query(concrete);
          if (result.length === 0 && !EMPTY_WHEN_WELL.includes(title)) silent.push(`${title}: ${concrete}`);
        }
      }
      for (const { name, metric, of } of variables) {
        const series = await server.query(metric);
        if (series.length === 0 || series.some(({ metric: labels }) => labels[of] === undefined))
          silent.push(`$${name}`);
      }
      expect(silent).toEqual([]);
    },
  );

  it('evaluates all rules, and no alert fires that should not', async () => {
    const evaluated = async () => (await server.rules()).every(({ health }) => health === 'ok');
    await eventually('rules are evaluated', evaluated, 30_000);
    const rules = await server.rules();
    expect(rules).toHaveLength(ALERTS.length + RECORDINGS.length);
    expect(rules.filter(({ state }) => state === 'firing').map(({ name }) => name)).toEqual([]);
  });

  it('keeps exemplars that lead to the traces of connections', async () => {
    // Spans come a second later.
    await eventually(
      'exemplars are kept, and their traces are known',
      async () => {
        const found = await server.exemplars('skuprt_router_connect_duration_seconds_bucket');
        const traces = new Set(collector.named('connection').map(({ traceId }) => traceId));
        return found.length > 0 && found.every((traceId) => traces.has(traceId));
      },
      30_000,
    );
    expect(collector.named('link').map(({ instance, status }) => [instance, status.message])).toEqual([
      ['west', undefined],
    ]);
    const connection = collector.named('connection').find(({ status }) => status.message === undefined);
    const spans = collector.spans.filter(({ traceId }) => traceId === connection!.traceId);
    expect(spans.map(({ name, instance }) => `${instance} ${name}`).sort()).toEqual([
      'east backend connection',
      'east dial',
      'west connection',
      'west route',
    ]);
  });
});
