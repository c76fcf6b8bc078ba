/** A router whose collector of spans is of no use: connections go on as without one, it is told of once, and the end of the router waits for nobody. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork } from '../support/live-network.ts';
import { routerConfig } from '../support/router-process.ts';
import { echoServer, unusedPort } from '../support/tcp.ts';
import { ask } from '../support/two-sites.ts';

const HOST = '127.0.0.1';
const CONNECTION_COUNT = 200;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** @param met what becomes of who connects to it */
async function collector(met: (socket: Socket) => unknown): Promise<number> {
  const server = createServer(met).listen(0, HOST);
  await once(server, 'listening');
  const open = new Set<Socket>();
  server.on('connection', (socket) => open.add(socket.on('error', () => undefined)));
  closers.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

const answer = (head: string, body = '') => `HTTP/1.1 ${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

const COLLECTORS: Record<string, () => Promise<number>> = {
  'takes all and says nothing': () => collector((socket) => socket.resume()),
  'reads nothing': () => collector((socket) => socket.pause()),
  refuses: unusedPort,
  resets: () => collector((socket) => socket.resetAndDestroy()),
  'answers 500': () =>
    collector((socket) => socket.on('data', () => socket.write(answer('500 Internal Server Error', 'no')))),
  'answers 503 for ever': () =>
    collector((socket) => socket.on('data', () => socket.write(answer('503 Service Unavailable')))),
};

describe('a router whose collector', () => {
  it.each(Object.entries(COLLECTORS))('%s serves all the same', async (_, begin) => {
    const port = await begin();
    const network = new LiveNetwork();
    closers.push(() => network.stop());
    const router = await network.router('alone');
    const echo = await echoServer();
    closers.push(() => echo.close());
    const service = await network.publish(router, 'echo');
    network.offer(router, 'echo', echo.port);
    network.processes.startWith('ours', 'alone', routerConfig('alone', router.entities), {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${HOST}:${port}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      OTEL_TRACES_SAMPLER: 'always_on',
    });
    await network.accepting(service);
    for (let i = 0; i < CONNECTION_COUNT; i++) expect(await ask(service, `${i}`)).toBe(`${i}`);
    const counted = async (result: string) => {
      const metrics = await network.metrics(router);
      return metrics(`skuprt_router_spans_total{result="${result}"}`);
    };
    await eventually(
      () => `spans have failed\n${network.evidence()}`,
      async () => (await counted('failed')) > 0,
      60_000,
    );
    expect(await counted('exported')).toBe(0);
    // It is said, and not each time.
    const told = network.processes.logOf('alone').match(/spans could not be exported/g);
    expect(told).toHaveLength(1);
    expect(await ask(service, 'still there')).toBe('still there');
    network.processes.signal('alone', 'SIGTERM');
    expect(await network.processes.ended('alone')).toBe(0);
  });
});
