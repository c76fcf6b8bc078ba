/**
 * A port of 127.0.0.1 where a connection is neither accepted nor refused, as at an address that has gone: somebody listens
 * there, the queue of connections is full, and nothing is ever taken from it. It needs no rights; Linux drops what exceeds it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { stopChild } from './child-process.ts';

const LISTENER = `
  const server = require('node:net').createServer();
  server.listen({ host: '127.0.0.1', port: Number(process.argv[1]), backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;
const QUEUE_MAX = 16;
const SILENCE_MS = 400;

export interface SilentBackend {
  readonly port: number;
  stop(): Promise<void>;
}

/** @returns undefined where the system answers all the same */
export async function silentBackend(port = 0): Promise<SilentBackend | undefined> {
  const child = spawn(process.execPath, ['-e', LISTENER, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const taken = Number(text.toString());
  const sockets: Socket[] = [];
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    child.kill('SIGKILL');
    await stopChild(child);
  };
  for (let i = 0; i < QUEUE_MAX; i++) {
    const socket = connect({ host: '127.0.0.1', port: taken });
    socket.on('error', () => {});
    const answered = await Promise.race([
      once(socket, 'connect').then(() => true),
      delay(SILENCE_MS, false, { ref: false }),
    ]);
    if (answered) sockets.push(socket);
    else {
      // It would take the first place that becomes free.
      socket.destroy();
      return { port: taken, stop };
    }
  }
  await stop();
  return undefined;
}
