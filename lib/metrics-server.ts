/** `GET /metrics`, `/healthz` and `/readyz` of a long-running process, and what else it can tell. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, SkuprtError } from './errors.ts';

export interface MetricsServerParts {
  /** The text of a scrape. */
  metrics: () => Promise<string>;
  /** Undefined while all is well, else why not: an orchestrator restarts the process then. */
  unhealthy?: () => string | undefined;
  /** Undefined when it can do its work, else what it waits for. */
  notReady?: () => string | undefined;
  /** What is at another path, as JSON; undefined: nothing. */
  tell?: (path: string, query: URLSearchParams) => Promise<object | undefined>;
}

export interface MetricsServerOptions {
  /** 0 takes a free one. */
  port: number;
  /** All addresses when absent. */
  host?: string;
}

export class MetricsServerListenError extends SkuprtError {
  readonly code = 'SKUPRT_METRICS_LISTEN';
  readonly fault = 'environment';
}

const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 64;

export class MetricsServer {
  private readonly parts: MetricsServerParts;
  private readonly server: Server;

  constructor(parts: MetricsServerParts) {
    this.parts = parts;
    this.server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, ({ method, url }, response) => {
      const [path = '', query = ''] = (url ?? '').split('?', 2);
      void this.answer(method ?? '', { path, query }, response);
    });
    this.server.maxConnections = CONNECTIONS_MAX;
  }

  /** The port it listens on. @throws MetricsServerListenError */
  async start({ port, host }: MetricsServerOptions): Promise<number> {
    this.server.listen(port, host);
    try {
      await once(this.server, 'listening');
    } catch (cause) {
      throw new MetricsServerListenError(`metrics cannot be served on port ${port}: ${messageOf(cause)}`, {
        cause,
        next: 'free the port or set another one',
      });
    }
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private async answer(
    method: string,
    { path, query }: { path: string; query: string },
    response: ServerResponse,
  ): Promise<void> {
    if (method !== 'GET' && method !== 'HEAD') return end(response, 405, 'only GET');
    const { metrics, unhealthy, notReady, tell } = this.parts;
    if (path === '/healthz' || path === '/readyz') {
      const fault = path === '/healthz' ? unhealthy?.() : notReady?.();
      return end(response, fault === undefined ? 200 : 503, fault ?? 'ok');
    }
    try {
      if (path === '/metrics') return end(response, 200, await metrics(), 'text/plain; version=0.0.4; charset=utf-8');
      const told = await tell?.(path, new URLSearchParams(query));
      if (told === undefined) return end(response, 404, 'see /metrics, /healthz, /readyz');
      end(response, 200, JSON.stringify(told), 'application/json');
    } catch (error) {
      end(response, 500, messageOf(error));
    }
  }
}

function end(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(text.endsWith('\n') ? text : `${text}\n`);
}
