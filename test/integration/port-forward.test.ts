/** A port of a pod through an API server that speaks the real protocol: a WebSocket a connection, channels by their first octet. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer as createHttp, type Server } from 'node:http';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { systemClock } from '../../lib/clock.ts';
import { KubeClient } from '../../lib/kube/client.ts';
import type { PortForward } from '../../lib/kube/port-forward.ts';
import { HttpTransport } from '../../lib/kube/transport.ts';
import { systemRandom } from '../../lib/random.ts';
import { eventually } from '../support/eventually.ts';

/** RFC 6455, 1.3. */
const WEB_SOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

let apiServer: Server;
let backend: ReturnType<typeof createServer>;
let webSockets: WebSocketServer;
let client: KubeClient;
let forward: PortForward | undefined;
let errors: Error[];
/** What the API server was asked for. */
let asked: { url: string; protocol: string | undefined; authorization: string | undefined }[];
let refusal: { status: number; message: string } | undefined;
let podError: string | undefined;
/** Of an API server that takes what comes and says nothing, not even that it has heard of an end. */
let deafEnded: Promise<unknown> | undefined;
let isDeaf = false;
const sockets = new Set<Socket>();

beforeEach(async () => {
  [errors, asked, refusal, podError] = [[], [], undefined, undefined];
  [deafEnded, isDeaf] = [undefined, false];
  sockets.clear();
  backend = createServer({ allowHalfOpen: false }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  webSockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0]! });
  apiServer = createHttp().listen(0, '127.0.0.1');
  await Promise.all([once(backend, 'listening'), once(apiServer, 'listening')]);
  apiServer.on('upgrade', (request, socket, head) => {
    const { 'sec-websocket-protocol': protocol, authorization } = request.headers;
    asked.push({ url: request.url ?? '', protocol, authorization });
    if (refusal !== undefined) {
      const body = JSON.stringify({ message: refusal.message });
      socket.end(`HTTP/1.1 ${refusal.status} No\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
      return;
    }
    if (isDeaf) {
      const accept = createHash('sha1')
        .update(`${request.headers['sec-websocket-key']}${WEB_SOCKET_GUID}`)
        .digest('base64');
      const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
      const told = [...lines, `Sec-WebSocket-Accept: ${accept}`, `Sec-WebSocket-Protocol: ${protocol}`];
      socket.write(`${told.join('\r\n')}\r\n\r\n`);
      socket.on('error', () => undefined).resume();
      deafEnded = once(socket, 'end');
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (way) => {
      const port = (backend.address() as AddressInfo).port;
      for (const channel of [0, 1]) way.send(Buffer.of(channel, port & 255, port >> 8));
      if (podError !== undefined) {
        way.send(Buffer.concat([Buffer.of(1), Buffer.from(podError)]));
        return;
      }
      const pod = dial(port, '127.0.0.1');
      pod.on('error', () => undefined);
      pod.on('data', (octets) => way.send(Buffer.concat([Buffer.of(0), octets])));
      pod.on('close', () => way.close());
      way.on('message', (message: Buffer) => void pod.write(message.subarray(1)));
      way.on('close', () => pod.destroy());
    });
  });
  const { port } = apiServer.address() as AddressInfo;
  const endpoint = {
    server: `http://127.0.0.1:${port}/clusters/one`,
    access: async () => ({ agent: new Agent(), headers: { authorization: 'Bearer word' } }),
    renew: () => undefined,
    close: () => undefined,
  };
  client = new KubeClient({ transport: new HttpTransport(endpoint), clock: systemClock, random: systemRandom });
});

afterEach(async () => {
  forward?.close();
  for (const socket of sockets) socket.destroy();
  for (const way of webSockets.clients) way.terminate();
  backend.close();
  apiServer.close();
});

async function connected(): Promise<Socket> {
  forward = await client.forwardPort({ namespace: 'shop', pod: 'router-1', port: 5671 }, (error) => errors.push(error));
  const socket = dial(forward.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** However it ends. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

describe('a port of a pod', () => {
  it('is asked for at its pod, with our credentials', async () => {
    const socket = await connected();
    await eventually('asked', () => asked.length === 1);
    expect(asked).toEqual([
      {
        url: '/clusters/one/api/v1/namespaces/shop/pods/router-1/portforward?ports=5671',
        protocol: 'v4.channel.k8s.io',
        authorization: 'Bearer word',
      },
    ]);
    socket.destroy();
  });

  it('carries many octets both ways, to a reader that is slow at first', async () => {
    const socket = await connected();
    const sent = Buffer.alloc(8 * 1024 * 1024, 'abcdefgh');
    const pieces: Buffer[] = [];
    let octets = 0;
    socket.write(sent);
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece);
      octets += piece.length;
      if (octets === piece.length) {
        socket.pause();
        setImmediate(() => socket.resume());
      }
    });
    await eventually('all came back', () => octets === sent.length, 60_000);
    expect(Buffer.concat(pieces).equals(sent)).toBe(true);
    socket.destroy();
    await eventually('the pod knows that it is over', () => [...sockets].every((one) => one.destroyed));
  });

  it('ends when the pod ends it', async () => {
    const socket = await connected();
    socket.resume();
    await eventually('there', () => sockets.size === 1);
    for (const pod of sockets) pod.destroy();
    await closed(socket);
    expect(errors).toEqual([]);
  });

  it('that nobody may forward is refused with what the API server says', async () => {
    refusal = { status: 403, message: 'pods "router-1" is forbidden' };
    const socket = await connected();
    await closed(socket);
    expect(errors).toEqual([
      expect.objectContaining({
        code: 'SKUPRT_PORT_FORWARD',
        message: 'the API server refuses to forward a port (status 403): pods "router-1" is forbidden',
        next: expect.stringContaining('pods/portforward'),
      }),
    ]);
  });

  it('where nothing listens says so', async () => {
    podError = 'failed to dial 5671: connection refused\n';
    const socket = await connected();
    await closed(socket);
    expect(errors.map(({ message }) => message)).toEqual(['failed to dial 5671: connection refused']);
  });

  // Else a command that has said everything would not end for half a minute.
  it('is over soon after its client is, though the API server does not answer', { timeout: 25_000 }, async () => {
    isDeaf = true;
    const socket = await connected();
    await eventually('the way', () => deafEnded !== undefined);
    socket.write('asked');
    socket.destroy();
    await deafEnded;
  });

  it('of an API server that is gone says so', async () => {
    const socket = await connected();
    await eventually('the first', () => asked.length === 1);
    socket.destroy();
    apiServer.close();
    apiServer.closeAllConnections();
    const again = dial(forward!.port, '127.0.0.1');
    again.on('error', () => undefined);
    await closed(again);
    expect(errors).toEqual([expect.objectContaining({ code: 'SKUPRT_KUBE_UNREACHABLE' })]);
  });
});
