/** The metrics of our router beside those of the original in the same place: names, types, and what they count. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type HttpServices, metricIs, startHttpServices } from '../support/http-services.ts';
import { originalRouter } from '../support/original-router.ts';

/** Of memory and time no two routers have the same. */
const OWN =
  /^qdr_(alloc_pool_bytes|router_vmsize_bytes|router_rss_bytes|last_topology_change_timestamp|addresses_total)$/;

describe.runIf(originalRouter)('beside the original', () => {
  const both: Record<string, HttpServices> = {};
  beforeAll(async () => {
    both.ours = await startHttpServices('ours');
    both.original = await startHttpServices('original');
  }, 60_000);
  afterAll(async () => {
    for (const each of Object.values(both)) await each.stop();
  });

  afterEach(() => {
    for (const each of Object.values(both)) each.closeAll();
  });

  async function text(services: HttpServices): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${services.router.httpPort}/metrics`)).text();
  }

  /** `name type` of all that is not a pool. */
  const typesIn = (page: string) => [...page.matchAll(/^# TYPE (qdr_\w+ \w+)$/gm)].map((match) => match[1]!);

  it('every name of the original is there with its type', async () => {
    const original = typesIn(await text(both.original!));
    expect(original.length).toBeGreaterThan(20);
    expect(typesIn(await text(both.ours!)).sort()).toEqual(original.sort());
  });

  /** Values of all that two routers can have in common. */
  const valuesIn = (page: string) =>
    new Map([...page.matchAll(/^(qdr_\w+) (\d+)$/gm)].map((match) => [match[1]!, Number(match[2])]));

  it('connections of each kind count the same', async () => {
    const grown: Record<string, Record<string, number>> = {};
    for (const [kind, services] of Object.entries(both)) {
      const before = valuesIn(await text(services));
      await services.openAll();
      await metricIs(services, 'qdr_http1_service_connections', 1);
      const after = valuesIn(await text(services));
      const names = [...after.keys()].filter((name) => !OWN.test(name));
      grown[kind] = Object.fromEntries(names.map((name) => [name, after.get(name)! - before.get(name)!]));
    }
    const { ours, original } = grown;
    // Each connection is a stream there and one back.
    expect(ours).toMatchObject({ qdr_deliveries_ingress_total: 6, qdr_deliveries_egress_total: 6 });
    // To the original HTTP/2 is TCP like any other.
    expect(ours!.qdr_http2_service_connections).toBe(1);
    const tcp = ours!.qdr_tcp_service_connections! + 1;
    expect({ ...ours, qdr_http2_service_connections: 0, qdr_tcp_service_connections: tcp }).toEqual(original);
  });

  it('health is told the same', async () => {
    for (const services of Object.values(both)) {
      const answer = await fetch(`http://127.0.0.1:${services.router.httpPort}/healthz`);
      expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
        200,
        'text/plain',
        'OK\n',
      ]);
    }
  });
});
