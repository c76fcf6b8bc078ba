/**
 * AMQP over WebSocket on an HTTP listener (AMQP 1.0 WebSocket binding, subprotocol `amqp`; `binary` as older clients say): each
 * connection becomes a stream of octets, which the AMQP listener takes like a socket.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';

const SUBPROTOCOLS = ['amqp', 'binary'];
/** A message may hold several frames; clients send one. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** @param take is handed the stream, and the socket that carries it */
export function serveWebSockets(server: Server, take: (stream: Duplex, socket: Socket) => void): void {
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
    handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => {});
    const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
    if (!offered.some((name) => SUBPROTOCOLS.includes(name))) {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => take(createWebSocketStream(webSocket), socket));
  });
}
