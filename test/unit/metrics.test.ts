import { describe, expect, it } from 'vitest';
import { renderMetrics } from '../../router/telemetry/metrics.ts';
import { COUNTERS } from '../support/counters.ts';

const text = renderMetrics(COUNTERS);
const typeLines = text.split('\n').filter((line) => line.startsWith('# TYPE '));
const names = typeLines.map((line) => line.split(' ')[2]!);

describe('the metrics text', () => {
  it('has each name once, with its help before its samples', () => {
    expect(new Set(names).size).toBe(names.length);
    for (const name of names)
      expect(text).toMatch(new RegExp(`# HELP ${name} .+\n# TYPE ${name} (counter|gauge|histogram)\n${name}`));
  });

  it('is made of lines that Prometheus reads', () => {
    const sample = /^[a-z_0-9]+(\{([a-z]+="([^"\\\n]|\\.)*",?)+\})? [0-9.e+-]+$/;
    const comment = /^# (HELP [a-z_0-9]+ .+|TYPE [a-z_0-9]+ (counter|gauge|histogram))$/;
    expect(text.endsWith('\n')).toBe(true);
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(line.startsWith('#') ? comment : sample);
  });

  it('keeps the names that users of skupper-router scrape', () => {
    expect(text).toContain('\nqdr_connections_total 3\n');
    expect(text).toContain('\nqdr_routers_total 2\n');
    expect(text).toContain('\nqdr_tcp_service_connections 4\n');
    expect(text).toContain('\nqdr_http1_service_connections 2\n');
    expect(text).toContain('\nqdr_http2_service_connections 3\n');
    expect(text).toContain('\nqdr_deliveries_delayed_10sec_total 11\n');
    expect(text).toContain('\nqdr_deliveries_stuck_total 12\n');
  });

  it('tells of each pool what skupper-router tells of its own, and their memory together', () => {
    const pools = [
      { typeName: 'slab', typeSize: 1000, totalCount: 7, idleCount: 3 },
      { typeName: 'heap_old_space', typeSize: 10, totalCount: 5, idleCount: 0 },
    ];
    const lines = renderMetrics({ ...COUNTERS, pools }).split('\n');
    expect(lines).toContain('# TYPE slab:allocated gauge');
    for (const line of ['slab:allocated 7', 'slab:in_use 4', 'slab:cached 3', 'slab:bytes 7000'])
      expect(lines).toContain(line);
    expect(lines).toContain('heap_old_space:in_use 5');
    expect(lines).toContain('qdr_alloc_pool_bytes 7050');
  });

  it('counts octets of each site link and direction, with labels escaped', () => {
    expect(text).toContain(String.raw`skuprt_router_link_octets_total{link="to \"B\"\\",peer="B",direction="out"} 200`);
  });

  it('counts dials without an answer by whether the flow had another way', () => {
    expect(text).toContain('skuprt_router_dials_unanswered_total{alternative="yes"} 4');
    expect(text).toContain('skuprt_router_dials_unanswered_total{alternative="no"} 1');
    expect(text).toContain('\nskuprt_router_flows_handed_back_total 7\n');
    expect(text).toContain('\nskuprt_router_connectors_passed_over 2\n');
  });

  it('says whether the router drains, and what it waits for', () => {
    expect(text).toContain('\nskuprt_router_draining 1\n');
    expect(text).toContain('\nskuprt_router_open 6\n');
  });

  it('tells of each address at each side what its listeners and connectors have counted', () => {
    expect(text).toContain('skuprt_router_service_flows_opened_total{side="listener",address="web:80"} 5\n');
    expect(text).toContain('skuprt_router_service_octets_total{side="listener",address="web:80",direction="out"} 8\n');
    expect(text).toContain('skuprt_router_service_fit{side="listener",address="web:80"} 1\n');
  });

  it('has exemplars in OpenMetrics alone, which ends with a line that says so', () => {
    const open = renderMetrics(COUNTERS, 'openmetrics');
    const bucket = 'skuprt_router_connect_duration_seconds_bucket{le="0.1"} 2';
    expect(text).toContain(`${bucket}\n`);
    expect(open).toContain(`${bucket} # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.05\n`);
    expect(open).toContain('skuprt_router_connect_duration_seconds_bucket{le="+Inf"} 3\n');
    expect(open).toContain('# TYPE skuprt_router_flows_opened counter\nskuprt_router_flows_opened_total 5\n');
    expect(open.match(/# EOF\n/g)).toHaveLength(1);
    expect(open.endsWith('# EOF\n')).toBe(true);
    expect(text).not.toContain('EOF');
  });

  it('counts protocol errors by their condition', () => {
    expect(text).toContain('skuprt_router_protocol_errors_total{condition="amqp:connection:framing-error"} 2');
  });
});
