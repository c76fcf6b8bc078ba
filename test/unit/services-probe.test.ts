import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { testConnection } from '../../service-controller/platform/probe.ts';

const servers: Server[] = [];

async function listen(handle: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => handle(socket.on('error', () => undefined)));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

const probe = (hostPort: number) => testConnection({ cluster: 'west', port: 80, host: '127.0.0.1', hostPort });

describe('a tested connection', () => {
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it('is good when the server says nothing and stays', async () => {
    const port = await listen((socket) => socket.on('error', () => undefined));
    expect(await probe(port)).toMatchObject({ cluster: 'west', port: 80, isOk: true });
  });

  it('is good when the server speaks first and closes', async () => {
    const port = await listen((socket) => socket.end('220 hello\r\n'));
    expect(await probe(port)).toMatchObject({ isOk: true, message: 'the server answered' });
  });

  it('is bad when it is reset after it was taken, as a router does that reaches no server', async () => {
    const port = await listen((socket) => socket.resetAndDestroy());
    expect((await probe(port)).isOk).toBe(false);
  });

  it('is bad when it is closed at once, or nobody listens', async () => {
    const port = await listen((socket) => socket.end());
    expect((await probe(port)).message).toContain('closed at once');
    servers.pop()!.close();
    expect((await probe(port)).isOk).toBe(false);
  });
});
