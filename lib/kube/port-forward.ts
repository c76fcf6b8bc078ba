/**
 * A port of a pod on this machine, through the API server: each connection to a port of 127.0.0.1 becomes a WebSocket of its own to the
 * pod's `portforward` (subprotocol v4.channel.k8s.io: the first octet of a message says the channel, 0 data, 1 errors; the first message
 * of each names the port).
 *
 * That protocol has no half close: the end of either side is the end of the connection.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { messageOf, SkuprtError } from '../errors.ts';

export const PORT_FORWARD_PROTOCOL = 'v4.channel.k8s.io';

const DATA = 0;
const ERRORS = 1;
/** Waiting to be sent; above, the client is not read. */
const WAITING_BYTES_MAX = 1024 * 1024;
const DRAIN_MS = 20;

export class PortForwardError extends SkuprtError {
  readonly code = 'SKUPRT_PORT_FORWARD';
  readonly fault = 'environment';
}

export interface PortForwardParts {
  /** One more WebSocket to the port of the pod, open and paused: what comes first says much. @throws PortForwardError */
  open(): Promise<WebSocket>;
  /** A connection could not be made or was cut off. */
  onError?(error: Error): void;
}

export class PortForward {
  private readonly parts: PortForwardParts;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(parts: PortForwardParts) {
    this.parts = parts;
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
      socket.on('error', () => undefined);
      // What the client says before the way is open waits in its socket.
      socket.pause();
      void this.join(socket);
    });
  }

  /** Listens at once; dials when somebody connects. */
  static async start(parts: PortForwardParts): Promise<PortForward> {
    const forward = new PortForward(parts);
    await new Promise<void>((resolve, reject) => {
      forward.server.once('error', reject);
      forward.server.listen(0, '127.0.0.1', resolve);
    });
    return forward;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private async join(socket: Socket): Promise<void> {
    try {
      const way = await this.parts.open();
      if (socket.destroyed) way.close();
      else joined(socket, way, (error) => this.parts.onError?.(error));
    } catch (error) {
      this.parts.onError?.(error instanceof Error ? error : new Error(messageOf(error)));
      socket.resetAndDestroy();
    }
  }
}

function joined(socket: Socket, way: WebSocket, onError: (error: Error) => void): void {
  const begun = new Set<number>();
  way.on('message', (message: RawData) => {
    const octets = octetsOf(message);
    const channel = octets[0];
    if (channel !== DATA && channel !== ERRORS) return;
    if (!begun.has(channel)) {
      begun.add(channel);
      return;
    }
    if (channel === ERRORS) {
      onError(new PortForwardError(octets.subarray(1).toString().trim() || 'the pod cannot be reached'));
      way.close();
      socket.resetAndDestroy();
    } else if (!socket.write(octets.subarray(1))) {
      way.pause();
      socket.once('drain', () => way.resume());
    }
  });
  way.once('close', () => socket.destroySoon());
  way.once('error', (error) => {
    onError(error);
    socket.resetAndDestroy();
  });
  socket.on('data', (octets: Buffer) => {
    way.send(Buffer.concat([Buffer.of(DATA), octets]));
    if (way.bufferedAmount > WAITING_BYTES_MAX) waitForRoom(socket, way);
  });
  socket.once('close', () => way.close());
  way.resume();
  socket.resume();
}

function waitForRoom(socket: Socket, way: WebSocket): void {
  socket.pause();
  const timer = setInterval(() => {
    if (way.bufferedAmount > WAITING_BYTES_MAX && !socket.destroyed) return;
    clearInterval(timer);
    socket.resume();
  }, DRAIN_MS);
}

function octetsOf(message: RawData): Buffer {
  if (Buffer.isBuffer(message)) return message;
  return Array.isArray(message) ? Buffer.concat(message) : Buffer.from(message);
}
