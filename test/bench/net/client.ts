/** The load on a system's entry port, in its own process: bulk flows, idle flows and, without `wrk`, HTTP requests. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { PatternChecker } from '../../support/pattern.ts';
import { connect, sendPattern } from '../../support/tcp.ts';
import { Counter, type Snapshot } from './counter.ts';
import { type HttpLoad, type HttpResult, runHttpLoad } from './http-load.ts';
import { serve } from './rpc.ts';

/** `up` sends to the backend, `down` receives from it. */
export type Direction = 'up' | 'down';

/** Connections opened at once: enough to keep both cores busy, few enough not to overflow an accept queue. */
const OPENING_MAX = 64;

const received = new Counter();
let flows: Socket[] = [];

async function startBulk({ port, count, direction }: { port: number; count: number; direction: Direction }) {
  for (let i = 0; i < count; i++) {
    const socket = await connect(port);
    socket.on('error', () => socket.destroy());
    flows.push(socket);
    if (direction === 'up') {
      socket.write('S');
      socket.resume();
      void sendPattern(socket);
    } else {
      const checker = new PatternChecker();
      socket.on('data', (chunk: Buffer) => received.accept(checker, chunk));
      socket.write('T');
    }
  }
}

/** Opens flows and holds them; each has carried one byte to the backend and back. */
async function openIdle({ port, count }: { port: number; count: number }) {
  let started = 0;
  const opener = async (): Promise<void> => {
    while (started < count) {
      started++;
      const socket = await connect(port);
      socket.on('error', () => socket.destroy());
      flows.push(socket);
      socket.write('E1');
      await once(socket, 'data');
    }
  };
  await Promise.all(Array.from({ length: OPENING_MAX }, opener));
}

async function closeFlows() {
  const closing = flows;
  flows = [];
  for (const socket of closing) socket.destroy();
}

export interface ClientHandlers extends Record<string, (argument: never) => unknown> {
  startBulk(argument: { port: number; count: number; direction: Direction }): Promise<void>;
  received(argument: undefined): Snapshot;
  openIdle(argument: { port: number; count: number }): Promise<void>;
  /** How many of the open flows are still open. */
  openCount(argument: undefined): number;
  closeFlows(argument: undefined): Promise<void>;
  http(argument: HttpLoad): Promise<HttpResult>;
}

const handlers: ClientHandlers = {
  startBulk,
  received: () => received.snapshot(),
  openIdle,
  openCount: () => flows.filter((socket) => !socket.destroyed && !socket.readableEnded).length,
  closeFlows,
  http: runHttpLoad,
};
serve(handlers);
