/** A running router's configuration: mistakes, changes while flows are open, signals, taken ports, renewed certificates. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { RouterProcesses, routerConfig, tcpConnectorEntity, tcpListenerEntity } from '../support/router-process.ts';
import { connect, echoServer, type Listening, listen, readAll, unusedPort } from '../support/tcp.ts';

let echo: Listening;
beforeAll(async () => {
  echo = await echoServer();
});
afterAll(() => echo.close());

async function says(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  return String((await once(socket, 'data'))[0]);
}

describe('at start', () => {
  const processes = new RouterProcesses();
  afterAll(() => processes.stop());

  test('every mistake of a file is told with its path, and nothing starts', async () => {
    const port = await unusedPort();
    const text = JSON.stringify([
      ['router', { id: 'x', mode: 'interior', colour: 'red' }],
      ['listener', { name: 'l', host: '127.0.0.1', port: 70_000, role: 'sideways' }],
      ['tcpListner', { name: 'typo', port }],
      ['tcpConnector', { name: 'c', host: '127.0.0.1', port }],
      ['tcpConnector', { name: 'd', host: '127.0.0.1', port, address: 'a', sslProfile: 'missing' }],
      ['tcpListener', { name: 'fine', host: '127.0.0.1', port, address: 'a' }],
    ]);
    processes.startWith('ours', 'wrong', text);
    expect(await processes.ended('wrong')).toBe(2);
    const said = processes.logOf('wrong');
    for (const part of ['colour', '70000', 'sideways', 'tcpListner', 'address', 'missing'])
      expect(said).toContain(part);
    expect(said).not.toContain('router started');
  });

  test('a file that is no configuration, or not there, is told', async () => {
    processes.startWith('ours', 'garbage', '{ not json');
    expect(await processes.ended('garbage')).toBe(2);
    expect(processes.logOf('garbage')).toMatch(/line|position|JSON/);
  });

  test('a taken port is named, the rest runs, and it is bound once it is free', async () => {
    const blocker = await listen((socket) => socket.destroy(), await unusedPort());
    const port = await unusedPort();
    const text = routerConfig('taken', [
      ['listener', { name: 'blocked', host: '127.0.0.1', port: blocker.port }],
      tcpListenerEntity('echo', port),
      tcpConnectorEntity('echo', echo.port),
    ]);
    processes.startWith('ours', 'taken', text);
    const socket = await eventually('the rest runs', () => connect(port).catch(() => undefined));
    expect(await says(socket, 'hello')).toBe('hello');
    socket.destroy();
    await eventually('the port is named', () => processes.logOf('taken').includes(`port ${blocker.port}`));
    expect(processes.logOf('taken')).toContain('listener blocked');
    await blocker.close();
    await eventually('the port is bound', () =>
      connect(blocker.port).then(
        (each) => each.destroy(),
        () => undefined,
      ),
    );
  });
});

describe('while it runs', () => {
  const network = new LiveNetwork();
  let east: LiveRouter;
  let west: LiveRouter;
  let linkPort = 0;
  let port = 0;
  let flow: Socket;

  beforeAll(async () => {
    east = await network.router('east');
    west = await network.router('west');
    linkPort = await network.link(west, east);
    network.offer(east, 'echo', echo.port);
    port = await network.publish(west, 'echo');
    await network.start();
    await network.accepting(port);
    flow = await connect(port);
    expect(await says(flow, 'open')).toBe('open');
  });
  afterAll(async () => {
    flow?.destroy();
    await network.stop();
  });

  test('what is added and removed takes effect, and open flows do not notice', async () => {
    const second = await network.publish(west, 'second');
    network.rewrite(west);
    network.offer(east, 'second', echo.port);
    network.rewrite(east);
    await network.accepting(second);
    const removed = await connect(second);
    expect(await says(removed, 'x')).toBe('x');
    const reset = once(removed, 'error');
    west.entities.pop();
    network.rewrite(west);
    await network.accepting(second, false);
    expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' });
    expect(await says(flow, 'undisturbed')).toBe('undisturbed');
  });

  test('a second link is dialled and given up again', async () => {
    const north = await network.router('north');
    await network.link(west, north);
    network.rewrite(west);
    await network.start('north');
    const links = async (): Promise<number> => (await network.metrics(west))('skuprt_router_link_up');
    await eventually('both links are up', async () => (await links()) === 2);
    west.entities.pop();
    network.rewrite(west);
    await eventually('one link is left', async () => (await links()) === 1);
    expect(await says(flow, 'undisturbed')).toBe('undisturbed');
  });

  test('a broken file changes nothing and its mistakes are logged', async () => {
    const broken = JSON.parse(routerConfig('west', west.entities));
    broken.push(['tcpListener', { name: 'bad', prot: 1 }]);
    broken.splice(1, 1);
    network.processes.configure('west', JSON.stringify(broken));
    await eventually('the mistake is logged', () => network.processes.logOf('west').includes('prot'));
    expect((await fetch(`http://127.0.0.1:${west.httpPort}/healthz`)).status).toBe(200);
    expect(await says(flow, 'undisturbed')).toBe('undisturbed');
    network.rewrite(west);
    await network.accepting(port);
  });

  test('SIGHUP reads the file again and keeps the process', async () => {
    const before = network.processes.pid('west');
    network.processes.signal('west', 'SIGHUP');
    expect(await says(flow, 'undisturbed')).toBe('undisturbed');
    expect(network.processes.pid('west')).toBe(before);
  });

  test('renewed certificates are used for new connections, and the link stays up', async () => {
    const serial = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({ host: '127.0.0.1', port: linkPort, rejectUnauthorized: false });
        socket.on('error', reject);
        socket.on('secureConnect', () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
      });
    const before = await serial();
    network.authority.write(`${network.directory}/east`, 'east');
    await eventually('another certificate', async () => (await serial()) !== before);
    expect(await says(flow, 'undisturbed')).toBe('undisturbed');
  });

  test('health and metrics are served over HTTP', async () => {
    const url = `http://127.0.0.1:${west.httpPort}`;
    expect(await (await fetch(`${url}/healthz`)).text()).toBe('OK\n');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    for (const name of ['qdr_connections_total', 'qdr_links_total', 'qdr_addresses_total', 'qdr_routers_total']) {
      expect(metrics).toMatch(new RegExp(`^${name} [1-9]`, 'm'));
    }
    expect((await fetch(`${url}/`)).status).toBe(404);
  });

  test('SIGTERM takes no new clients, lets an open flow finish, and exits with 0', async () => {
    network.processes.signal('west', 'SIGTERM');
    await network.accepting(port, false);
    expect(await says(flow, 'still open')).toBe('still open');
    flow.end('last words');
    expect(String(await readAll(flow))).toBe('last words');
    expect(await network.processes.ended('west')).toBe(0);
    expect(network.processes.logOf('west')).toContain('router stopped');
  });
});
