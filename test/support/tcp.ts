/**
 * TCP ends for tests and load generators: servers on port 0 of 127.0.0.1, pattern sources and sinks, and the ways a
 * connection can end. Sockets are half-open allowed everywhere, so that a FIN is only what a test sends.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { PatternChecker, patternAt } from './pattern.ts';

const HOST = '127.0.0.1';
const WRITE_BYTES = 64 * 1024;

export interface Listening {
  readonly port: number;
  /** Stops listening and destroys the connections still open. */
  close(): Promise<void>;
}

/** Listens on `port` (by default one that is free) and hands each accepted connection on. */
export async function listen(onSocket: (socket: Socket) => void, port = 0, host = HOST): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // An ending by reset is the subject of some tests and no fault of the server in the others.
    socket.on('error', () => socket.destroy());
    onSocket(socket);
  });
  server.listen({ host, port, backlog: 4096 });
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Gives back what it gets, and its FIN for the client's. */
export function echoServer(port = 0, host = HOST): Promise<Listening> {
  return listen((socket) => socket.pipe(socket), port, host);
}

/** Who waits for something of it hears of a reset; one that comes after that is nobody's fault. */
export async function connect(port: number, host = HOST): Promise<Socket> {
  const socket = connectSocket({ host, port, allowHalfOpen: true, noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/**
 * A port that nothing listens on, below those that outgoing connections take (a connection to such a port may meet itself), and that no
 * other test of this run was given: what is to listen there often starts later. Another process may take it, so use it soon.
 */
export async function unusedPort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_240, 32_768);
    if (!isFirstClaim(port)) continue;
    try {
      const listening = await listen((socket) => socket.destroy(), port);
      await listening.close();
      return port;
    } catch {
      // Taken: the next one.
    }
  }
}

const claims = new Set<number>();

/** Of the files of a run, several at once, each has its own process: they claim ports in a directory of the run. */
function isFirstClaim(port: number): boolean {
  if (claims.has(port)) return false;
  claims.add(port);
  const directory = process.env.SKUPRT_TEST_PORTS;
  if (directory === undefined) return true;
  try {
    closeSync(openSync(join(directory, String(port)), 'wx'));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Writes `byteCount` pattern bytes (endless by default) as fast as they are taken; stops when the socket closes. */
export async function sendPattern(socket: Socket, byteCount = Number.POSITIVE_INFINITY): Promise<void> {
  let position = 0;
  while (position < byteCount && socket.writable) {
    const chunk = patternAt(position, Math.min(WRITE_BYTES, byteCount - position));
    position += chunk.length;
    if (!socket.write(chunk)) await drained(socket);
  }
}

/** Reads `byteCount` pattern bytes, by default until FIN, and answers how many came; rejects at a wrong byte or a reset. */
export async function receivePattern(socket: Socket, byteCount = Number.POSITIVE_INFINITY): Promise<number> {
  const checker = new PatternChecker();
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    checker.accept(chunk);
    if (checker.position >= byteCount) break;
  }
  return checker.position;
}

/** Reads until FIN. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export type Ending = 'fin' | 'reset';

/** How the other side ends the connection; what it sends before is thrown away. */
export function ending(socket: Socket): Promise<Ending> {
  return new Promise((resolve) => {
    socket.on('end', () => resolve('fin'));
    socket.on('error', () => resolve('reset'));
    socket.resume();
  });
}

/** Ends the connection with RST. */
export function reset(socket: Socket): void {
  socket.resetAndDestroy();
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}
