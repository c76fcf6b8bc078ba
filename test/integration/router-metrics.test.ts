/** What a router's metrics tell of the connections that it has. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type HttpServices, metricIs, startHttpServices } from '../support/http-services.ts';
import { RheaClient } from '../support/rhea-client.ts';

let services: HttpServices;
beforeAll(async () => {
  services = await startHttpServices('ours');
});
afterAll(async () => {
  await services?.stop();
});

it('connections of services are counted by what they speak, and no longer when they are over', async () => {
  await services.openAll();
  await metricIs(services, 'qdr_http1_service_connections', 1);
  await metricIs(services, 'qdr_http2_service_connections', 1);
  // The backends' ends of all three, and the client's of the one that is no HTTP.
  await metricIs(services, 'qdr_tcp_service_connections', 4);
  await metricIs(services, 'qdr_amqp_service_connections', 0);
  const client = await RheaClient.connect(services.amqpPort);
  await metricIs(services, 'qdr_amqp_service_connections', 1);
  await metricIs(services, 'qdr_connections_total', 7);
  client.close();
  services.closeAll();
  for (const protocol of ['http1', 'http2', 'tcp', 'amqp'])
    await metricIs(services, `qdr_${protocol}_service_connections`, 0);
  await metricIs(services, 'qdr_connections_total', 0);
  expect((await services.network.metrics(services.router))('skuprt_router_observers_given_up_total')).toBe(0);
});

it('pools have memory', async () => {
  const text = await (await fetch(`http://127.0.0.1:${services.router.httpPort}/metrics`)).text();
  const [, total] = /^qdr_alloc_pool_bytes (\d+)$/m.exec(text) ?? [];
  expect(Number(total)).toBeGreaterThan(1024 * 1024);
  expect(text).toMatch(/^heap_old_space:bytes \d+$/m);
  expect(text).toMatch(/^slab:allocated \d+$/m);
});
