import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type HttpOptions, startHttp } from '../../router/io/http.ts';
import { eventually } from '../support/eventually.ts';

const stop = new AbortController();
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: Partial<HttpOptions> = {}): Promise<string> {
  const server = await startHttp(
    {
      entity: "listener '@9090'",
      host: '127.0.0.1',
      port: 0,
      healthz: true,
      metrics: true,
      render: () => 'qdr_routers_total 1\n',
      healthy: () => undefined,
      ...options,
    },
    stop.signal,
  );
  closers.push(() => server.close());
  return `http://127.0.0.1:${server.port}`;
}

describe('a listener with http', () => {
  it('answers /healthz and /metrics as plain text', async () => {
    const url = await start();
    const health = await fetch(`${url}/healthz`);
    expect([health.status, await health.text()]).toEqual([200, 'OK\n']);
    expect(health.headers.get('content-type')).toContain('text/plain');
    expect(await (await fetch(`${url}/metrics`)).text()).toBe('qdr_routers_total 1\n');
  });

  it('says why it is not healthy', async () => {
    const health = await fetch(`${await start({ healthy: () => 'draining' })}/healthz`);
    expect([health.status, await health.text()]).toEqual([503, 'draining\n']);
  });

  it('has nothing at other paths, nor at those turned off', async () => {
    const url = await start({ metrics: false });
    for (const path of ['/', '/metrics', '/healthz/../etc']) expect((await fetch(url + path)).status).toBe(404);
  });

  it('listens on all addresses when the host is empty', async () => {
    expect((await fetch(`${await start({ host: '' })}/healthz`)).status).toBe(200);
  });

  it('cuts off who takes nothing of its answer, and goes on answering others meanwhile', async () => {
    const large = 'x'.repeat(64 * 1024 * 1024);
    let renderedCount = 0;
    const url = await start({ render: () => (renderedCount++ === 0 ? large : 'small'), readerPatienceMs: 500 });
    const served: Socket[] = [];
    const begun = (message: unknown) => served.push((message as { socket: Socket }).socket);
    subscribe('http.server.request.start', begun);
    closers.push(async () => unsubscribe('http.server.request.start', begun));
    const stalled = connect(Number(new URL(url).port), '127.0.0.1');
    stalled.on('error', () => undefined).write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => stalled.once('readable', resolve));
    expect(await (await fetch(`${url}/metrics`)).text()).toBe('small');
    await eventually('the server has let go of it', () => served[0]?.destroyed === true);
    const ended = new Promise((resolve) => stalled.once('close', resolve));
    stalled.resume();
    await ended;
    expect(stalled.bytesRead).toBeLessThan(large.length);
  });

  it('names the port and the entity when the port is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    closers.push(() => new Promise((resolve) => squatter.close(resolve)));
    const { port } = squatter.address() as { port: number };
    await expect(start({ port })).rejects.toMatchObject({
      code: 'SKUPRT_ROUTER_LISTEN',
      message: `listener '@9090' cannot listen: port ${port} of 127.0.0.1 is in use`,
    });
  });
});
