/**
 * Looks whether backends of tcpConnectors are well: that they accept a connection, over TLS and with a PROXY protocol header where
 * flows have them, or that they answer to an HTTP GET with 200 to 399. At most `PROBES_AT_ONCE_MAX` at a time, the others wait.
 *
 * When to look and what follows is `bridge/backend-health.ts`.
 */
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { messageOf } from '../../lib/errors.ts';
import { type Backend, connectBackend } from './backend.ts';

const PROBES_AT_ONCE_MAX = 64;
const STATUS_MIN = 200;
const STATUS_MAX = 399;

export interface Probe {
  connector: string;
  withinMs: number;
  /** HTTP GET of it. */
  path?: string;
}

export interface ProbesParts {
  /** Undefined when the tcpConnector is gone. @throws SkuprtError when it cannot be dialled */
  backendOf(connector: string): Backend | undefined;
  /** @param problem why the backend is not well; undefined when it is */
  probed(connector: string, problem: string | undefined): void;
}

export class Probes {
  private readonly parts: ProbesParts;
  private readonly sockets = new Set<Socket>();
  private readonly waiting: Probe[] = [];
  private stopped = false;

  constructor(parts: ProbesParts) {
    this.parts = parts;
  }

  look(probe: Probe): void {
    if (this.stopped) return;
    if (this.sockets.size >= PROBES_AT_ONCE_MAX) this.waiting.push(probe);
    else this.start(probe);
  }

  stop(): void {
    this.stopped = true;
    for (const socket of this.sockets) socket.destroy();
  }

  private start(probe: Probe): void {
    let backend: Backend | undefined;
    try {
      backend = this.parts.backendOf(probe.connector);
    } catch (error) {
      this.parts.probed(probe.connector, messageOf(error));
      return;
    }
    // Nobody is there to be told.
    if (backend !== undefined) this.dial(probe, backend);
  }

  /** One that cannot be dialled leaves its place to the next. */
  private startWaiting(): void {
    while (this.sockets.size < PROBES_AT_ONCE_MAX) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      this.start(next);
    }
  }

  private dial(probe: Probe, backend: Backend): void {
    const { connector, withinMs, path } = probe;
    const socket = connectBackend(backend);
    this.sockets.add(socket);
    let isOver = false;
    const over = (problem: string | undefined): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timeout);
      this.sockets.delete(socket);
      socket.destroy();
      if (this.stopped) return;
      this.parts.probed(connector, problem);
      this.startWaiting();
    };
    // Timers come before what sockets have to say: an answer that a busy turn has kept waiting still counts.
    const timeout = setTimeout(() => setImmediate(() => over(`no answer within ${withinMs / 1000} s`)), withinMs);
    socket.on('error', (error) => over(error.message));
    socket.on('close', () => over('the connection was closed'));
    socket.once(backend.tls ? 'secureConnect' : 'connect', () => {
      if (path === undefined) over(undefined);
      else get(socket, backend, path, over);
    });
  }
}

function get(socket: Socket, { host, port }: Backend, path: string, over: (problem: string | undefined) => void): void {
  const asked = request({
    path,
    host,
    port,
    headers: { 'user-agent': 'skuprt-health-check', connection: 'close' },
    createConnection: () => socket,
  });
  asked.on('error', (error) => over(error.message));
  asked.on('response', (response) => {
    const { statusCode: status = 0 } = response;
    response.resume();
    over(status >= STATUS_MIN && status <= STATUS_MAX ? undefined : `GET ${path} was answered with ${status}`);
  });
  asked.end();
}
