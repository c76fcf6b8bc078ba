/**
 * The workload behind every system under test: one port, in its own process. The first byte of a connection says
 * what it is: `G` an HTTP request, `S` a pattern for us to take, `T` a pattern for us to send, `E` an echo.
 *
 * HTTP is answered from one prepared buffer without parsing beyond the end of the request head: the backend must cost
 * less than what is measured.
 */
import type { Socket } from 'node:net';
import { PatternChecker } from '../../support/pattern.ts';
import { listen, sendPattern } from '../../support/tcp.ts';
import { Counter, type Snapshot } from './counter.ts';
import { serve } from './rpc.ts';

const BODY_BYTES = 1024;
const HEAD_END = '\r\n\r\n';
const CLOSING_PATH = 'GET /close ';

const taken = new Counter();

const response = (connection: string): Buffer =>
  Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY_BYTES}\r\nConnection: ${connection}${HEAD_END}${'x'.repeat(BODY_BYTES)}`,
  );
const keepResponse = response('keep-alive');
const closeResponse = response('close');

function onSocket(socket: Socket): void {
  socket.on('end', () => socket.end());
  socket.once('data', (first: Buffer) => {
    const kind = String.fromCharCode(first[0] ?? 0);
    if (kind === 'G') return answerHttp(socket, first);
    const rest = first.subarray(1);
    if (kind === 'S') return takePattern(socket, rest);
    if (kind === 'T') {
      socket.resume();
      void sendPattern(socket);
      return;
    }
    socket.write(rest);
    socket.pipe(socket, { end: false });
  });
}

function answerHttp(socket: Socket, first: Buffer): void {
  let pending = '';
  const onData = (chunk: Buffer): void => {
    pending += chunk.toString('latin1');
    let end = pending.indexOf(HEAD_END);
    while (end >= 0) {
      if (pending.startsWith(CLOSING_PATH)) {
        socket.end(closeResponse);
        return;
      }
      socket.write(keepResponse);
      pending = pending.slice(end + HEAD_END.length);
      end = pending.indexOf(HEAD_END);
    }
  };
  socket.on('data', onData);
  onData(first);
}

function takePattern(socket: Socket, first: Buffer): void {
  const checker = new PatternChecker();
  const onData = (chunk: Buffer): void => {
    taken.accept(checker, chunk);
  };
  socket.on('data', onData);
  onData(first);
}

export interface BackendHandlers extends Record<string, (argument: never) => unknown> {
  port(argument: undefined): Promise<number>;
  taken(argument: undefined): Snapshot;
}

const listening = listen(onSocket);
const handlers: BackendHandlers = {
  port: async () => (await listening).port,
  taken: () => taken.snapshot(),
};
serve(handlers);
