/**
 * Many connections at once, as a program of its own: each says something and waits for the answer.
 *
 * `crowd.ts all HOST PORT COUNT`: all at once; says as JSON what became of them, with all that were served still open, and closes them
 * when its input ends. `crowd.ts slow HOST PORT COUNT`: reads 1 KiB a second of each. `crowd.ts mute HOST PORT COUNT`: reads nothing.
 * `crowd.ts reset HOST PORT MS`: opens and resets as fast as it can for so long.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const SLOW_BYTES = 1024;
/** Opened in one turn: the system's queue for a listener is not longer. */
const BURST = 500;
const AT_ONCE_MAX = 100;

const [verb, host, port, count] = process.argv.slice(2);
const where = { host: host!, port: Number(port), allowHalfOpen: true };
const sockets: Socket[] = [];
const outcomes: Record<string, number> = {};

if (verb === 'reset') {
  const endMs = performance.now() + Number(count);
  while (performance.now() < endMs) {
    const some = Array.from({ length: AT_ONCE_MAX }, () => connect(where));
    await Promise.all(
      some.map((socket) => new Promise((resolve) => socket.on('connect', resolve).on('error', resolve))),
    );
    for (const socket of some) socket.resetAndDestroy();
    note('reset', some.length);
  }
} else {
  const each = verb === 'all' ? ask : hold;
  const all: Promise<string>[] = [];
  for (let at = 0; at < Number(count); at++) {
    all.push(each(open()));
    if (at % BURST === 0) await new Promise(setImmediate);
  }
  for (const outcome of await Promise.all(all)) note(outcome, 1);
}
process.stdout.write(`${JSON.stringify(outcomes)}\n`);
if (verb !== 'reset') {
  process.stdin.resume();
  const ended = once(process.stdin, 'end').then(() => true);
  while (!(await Promise.race([ended, sleep(1000).then(() => false)]))) if (verb === 'slow') readSome();
  for (const socket of sockets) socket.destroy();
}
process.exit(0);

function open(): Socket {
  const socket = connect(where);
  socket.pause();
  sockets.push(socket);
  return socket;
}

function ask(socket: Socket): Promise<string> {
  socket.write('ask');
  socket.resume();
  return new Promise((resolve) => {
    socket.on('data', () => resolve('served'));
    socket.on('end', () => resolve('ended'));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function hold(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('connect', () => resolve('open'));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function readSome(): void {
  for (const socket of sockets) socket.read(Math.min(SLOW_BYTES, socket.readableLength));
}

function note(outcome: string, more: number): void {
  outcomes[outcome] = (outcomes[outcome] ?? 0) + more;
}
