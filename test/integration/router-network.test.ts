/** Networks of routers: the ways between them, what a lost link does to open flows, and who holds back whom. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { Relay } from '../support/relay.ts';
import {
  connect,
  echoServer,
  ending,
  type Listening,
  listen,
  readAll,
  receivePattern,
  sendPattern,
} from '../support/tcp.ts';

const MIB = 1024 * 1024;

const servers: Listening[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
});

async function served(server: Promise<Listening>): Promise<number> {
  const listening = await server;
  servers.push(listening);
  return listening.port;
}

/** A server that says its name and waits. */
function named(name: string): Promise<number> {
  return served(
    listen((socket) => {
      socket.write(name);
      socket.on('end', () => socket.end()).resume();
    }),
  );
}

async function ask(port: number): Promise<string> {
  const socket = await connect(port);
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return String(answer);
}

describe('a ring of four', () => {
  const network = new LiveNetwork();
  let near: LiveRouter;
  let echo = 0;
  let name = 0;

  beforeAll(async () => {
    const [a, b, c, d] = await Promise.all(['a', 'b', 'c', 'd'].map((id) => network.router(id)));
    near = b!;
    await network.link(a!, b!);
    await network.link(b!, d!);
    await network.link(a!, c!, { more: { cost: 5 } });
    await network.link(c!, d!);
    network.offer(d!, 'echo', await served(echoServer()));
    network.offer(b!, 'name', await named('b'));
    network.offer(c!, 'name', await named('c'));
    echo = await network.publish(a!, 'echo');
    name = await network.publish(a!, 'name');
    await network.start();
    await network.accepting(echo);
    await network.accepting(name);
    await eventually('all links are up', async () => (await network.metrics(a!))('skuprt_router_link_up') === 2);
  });
  afterAll(() => network.stop());

  test('a flow crosses a router in the middle, which has no part in it', async () => {
    const octets = async () => (await network.metrics(near))('skuprt_router_link_octets_total') ?? 0;
    // While the network settles, both directions may still go the other way round.
    await eventually('a flow by the cheaper way', async () => {
      const before = await octets();
      const socket = await connect(echo);
      const received = receivePattern(socket);
      await sendPattern(socket, 8 * MIB);
      socket.end();
      expect(await received).toBe(8 * MIB);
      return (await octets()) - before > 2 * 8 * MIB;
    });
  });

  test('connectors at two routers share flows by cost and by what each has open', async () => {
    await eventually('answers of both', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask(name)));
      return new Set(answers).size === 2;
    });
    const open = await Promise.all(Array.from({ length: 20 }, () => connect(name)));
    const answers = await Promise.all(open.map(async (socket) => String((await once(socket, 'data'))[0])));
    for (const socket of open) socket.destroy();
    // The other way costs four more: about that many flows the near one has ahead.
    const near = answers.filter((answer) => answer === 'b').length;
    expect(near).toBeGreaterThanOrEqual(10);
    expect(near).toBeLessThanOrEqual(14);
  });

  test('when a router dies its open flows and new ones go the other way round', async () => {
    const over = await connect(echo);
    over.write('x');
    await once(over, 'data');
    network.processes.kill('b');
    over.write('y');
    expect(String((await once(over, 'data'))[0])).toBe('y');
    over.end('z');
    expect(String(await readAll(over))).toBe('z');
    const socket = await connect(echo);
    socket.end('hello');
    expect(String(await readAll(socket))).toBe('hello');
  });
});

describe('one link', () => {
  const network = new LiveNetwork();
  let west: LiveRouter;
  let east: LiveRouter;
  let relay: Relay;
  const ports = { echo: 0, endless: 0, hello: 0, later: 0 };
  let endlessDrainCount = 0;
  let helloEnded: Promise<string> | undefined;

  beforeAll(async () => {
    west = await network.router('west');
    east = await network.router('east');
    const dialPort = async (port: number): Promise<number> => {
      relay = await Relay.to(port);
      return relay.port;
    };
    await network.link(west, east, { dialPort });
    const endless = listen((socket) => {
      socket.on('drain', () => endlessDrainCount++);
      void sendPattern(socket);
    });
    const hello = listen((socket) => {
      helloEnded = ending(socket);
      socket.write('hello');
      socket.on('end', () => socket.end());
    });
    network.offer(east, 'echo', await served(echoServer()));
    network.offer(east, 'endless', await served(endless));
    network.offer(east, 'hello', await served(hello));
    for (const address of ['echo', 'endless', 'hello', 'later'] as const) {
      ports[address] = await network.publish(west, address);
    }
    await network.start();
    for (const port of [ports.echo, ports.endless, ports.hello]) await network.accepting(port);
  });
  afterAll(async () => {
    await network.stop();
    await relay.close();
  });

  test('a tcpListener listens while a connector is reachable, not before and not after', async () => {
    await network.accepting(ports.later, false);
    const before = [...east.entities];
    network.offer(east, 'later', await named('here'));
    network.rewrite(east);
    await network.accepting(ports.later);
    expect(await ask(ports.later)).toBe('here');
    east.entities.splice(0, east.entities.length, ...before);
    network.rewrite(east);
    await network.accepting(ports.later, false);
  });

  test('readers that stall hold back only their own flows, and memory stays bounded', async () => {
    const stalled = await Promise.all(Array.from({ length: 8 }, () => connect(ports.endless)));
    for (const socket of stalled) socket.pause();
    await eventually('the stalled flows stand still', async () => {
      const before = endlessDrainCount;
      await sleep(200);
      return endlessDrainCount === before;
    });
    const socket = await connect(ports.echo);
    const received = receivePattern(socket);
    await sendPattern(socket, 32 * MIB);
    socket.end();
    expect(await received).toBe(32 * MIB);
    const buffered = [west, east].map(async (router) =>
      (await network.metrics(router))('skuprt_router_buffered_bytes'),
    );
    // Each had a window that fits its path before its reader stopped.
    for (const bytes of await Promise.all(buffered)) expect(bytes).toBeLessThan(stalled.length * 8 * MIB);
    for (const each of stalled) each.destroy();
  });

  test('a cut holds the open flows up; when the link is back they go on, and new ones cross', async () => {
    const socket = await connect(ports.echo);
    socket.write('x');
    await once(socket, 'data');
    relay.cut();
    await network.accepting(ports.hello, false);
    socket.write('y');
    relay.mend();
    expect(String((await once(socket, 'data'))[0])).toBe('y');
    socket.end();
    await network.accepting(ports.hello);
    expect(await ask(ports.hello)).toBe('hello');
  });

  test('flows that find no way in time are reset at both ends', async () => {
    const socket = await connect(ports.hello);
    await once(socket, 'data');
    const atClient = ending(socket);
    relay.cut();
    expect(await Promise.all([atClient, helloEnded])).toEqual(['reset', 'reset']);
    relay.mend();
  });
});
