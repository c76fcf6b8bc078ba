import { once } from 'node:events';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { closeServer } from '../../router/io/close-server.ts';

const CLIENTS = 50;

describe('closing a listening socket', () => {
  let server: Server;
  let clients: Socket[] = [];
  afterEach(() => {
    for (const client of clients) client.destroy();
  });

  async function crowd(): Promise<{ port: number; answers: Promise<string[]> }> {
    server = createServer((socket) => socket.on('error', () => {}).end('served'));
    server.listen(0, '127.0.0.1', 1024);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    clients = Array.from({ length: CLIENTS }, () => dial({ host: '127.0.0.1', port }));
    const answer = (client: Socket) =>
      new Promise<string>((resolve) => {
        client.on('data', (bytes) => resolve(String(bytes)));
        client.on('error', (error: NodeJS.ErrnoException) => resolve(`${error.code}`));
        client.on('end', () => resolve('nothing'));
      });
    const answers = Promise.all(clients.map(answer));
    // They are on their way, and one has been accepted.
    await turn();
    return { port, answers };
  }

  it('serves all who wait at it first, and is closed then', async () => {
    const { port, answers } = await crowd();
    closeServer(server);
    expect(new Set(await answers)).toEqual(new Set(['served']));
    await once(server, 'close');
    const late = dial({ host: '127.0.0.1', port });
    clients.push(late);
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('is over at once when somebody else needs the port', async () => {
    await crowd();
    const now = closeServer(server);
    now();
    expect(server.listening).toBe(false);
    now();
  });
});
