/** Sockets of flows that are reset at any moment of their ending: none is left open, and the other end is told each time. */
import type { Socket } from 'node:net';
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { resetSocket } from '../../router/io/flow-socket.ts';
import { eventually } from '../support/eventually.ts';
import { type Listening, listen } from '../support/tcp.ts';

let backend: Listening | undefined;

afterEach(async () => {
  await backend?.close();
  backend = undefined;
});

interface Pair {
  /** Ours, maybe still connecting. */
  readonly socket: Socket;
  isClosed: boolean;
  /** The other end, that takes FIN for no reason to end. */
  readonly other: { socket?: Socket; isBroken: boolean };
}

async function pair(): Promise<Pair> {
  const other: Pair['other'] = { isBroken: false };
  backend = await listen((socket) => {
    other.socket = socket;
    socket.on('close', () => {
      other.isBroken = true;
    });
    socket.resume();
  });
  const socket = connectTcp({ host: '127.0.0.1', port: backend.port, allowHalfOpen: true });
  const made: Pair = { socket, isClosed: false, other };
  socket.on('error', () => {});
  socket.on('close', () => {
    made.isClosed = true;
  });
  return made;
}

/** Who has read FIN learns of a reset when it writes. */
function isTold({ socket, isBroken }: Pair['other']): boolean {
  if (!isBroken) socket?.write('x');
  return isBroken;
}

const later = (act: () => void) => void setImmediate(act);
const MOMENTS: Record<string, (socket: Socket) => void> = {
  'that is open': resetSocket,
  'of which octets were just written': (socket) => {
    socket.write('octets');
    resetSocket(socket);
  },
  'that was ended in the same turn': (socket) => {
    socket.end();
    resetSocket(socket);
  },
  'that was ended in the same turn behind octets': (socket) => {
    socket.end('octets');
    resetSocket(socket);
  },
  'that was ended in the same turn while it was corked': (socket) => {
    socket.cork();
    socket.write('octets');
    socket.uncork();
    socket.end();
    resetSocket(socket);
  },
  'that was ended before the promises of the turn': (socket) => {
    socket.end();
    void Promise.resolve().then(() => resetSocket(socket));
  },
  'that was ended a turn ago': (socket) => {
    socket.end();
    later(() => resetSocket(socket));
  },
  'that was ended two turns ago': (socket) => {
    socket.end();
    later(() => later(() => resetSocket(socket)));
  },
  'that waits to end until its reader goes on': (socket) => {
    socket.end(Buffer.alloc(16 * 1024 * 1024));
    later(() => resetSocket(socket));
  },
};

describe('a socket is closed and its other end told by the reset of one', () => {
  for (const [moment, act] of Object.entries(MOMENTS)) {
    it(moment, async () => {
      const made = await pair();
      await eventually('the other end is there', async () => made.other.socket !== undefined);
      if (moment.includes('reader')) made.other.socket?.pause();
      act(made.socket);
      await eventually('our end is closed', async () => made.isClosed);
      await eventually('the other end is told', async () => isTold(made.other));
    });

    it(`${moment}, all of it before it is connected`, async () => {
      const made = await pair();
      act(made.socket);
      await eventually('our end is closed', async () => made.isClosed);
      await eventually('the other end is told', async () => made.other.socket === undefined || isTold(made.other));
    });
  }

  it('whose other end goes at the same time', async () => {
    const made = await pair();
    await eventually('the other end is there', async () => made.other.socket !== undefined);
    made.socket.end();
    resetSocket(made.socket);
    made.other.socket?.resetAndDestroy();
    await eventually('our end is closed', async () => made.isClosed);
    expect(made.socket.destroyed).toBe(true);
  });
});
