/**
 * The demo's server: an ordinary HTTP server that knows nothing of skuprt. Ends when its stdin does, so it never outlives
 * a demo that was killed; with --keep nothing is connected to its stdin.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Context, print } from '../context.ts';
import { DIGEST_TRAILER, digestOf, sendBlocks } from './transfer.ts';

export const GREETING = 'hello from the server that only east can reach\n';

/** Prints its port and serves until `context.signal` aborts or stdin ends. */
export async function serveBackend(context: Context, flags: { keep?: boolean }): Promise<void> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  print(context, String((server.address() as AddressInfo).port));
  const ends = [once(context.signal, 'abort')];
  if (!flags.keep) ends.push(once(context.stdin.resume(), 'end'));
  await Promise.race(ends);
  // An open standard input would keep the process.
  context.stdin.destroy();
  server.close();
  server.closeAllConnections();
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'PUT') {
    response.end(await digestOf(request));
    return;
  }
  const sizeBytes = Number(/^\/bytes\/(\d+)$/.exec(request.url ?? '')?.[1] ?? 0);
  if (sizeBytes === 0) {
    response.end(GREETING);
    return;
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream', trailer: DIGEST_TRAILER });
  response.addTrailers({ [DIGEST_TRAILER]: await sendBlocks(response, sizeBytes) });
  response.end();
}
