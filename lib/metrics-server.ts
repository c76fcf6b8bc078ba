/**
 * `GET /metrics`, `/healthz` and `/readyz` of a long-running process. What else it can tell, and `PUT /log-level?level=debug`, which changes what
 * it logs, are for this host or pod alone: `kubectl port-forward` comes from there.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopback } from './address.ts';
import { messageOf, SkuprtError } from './errors.ts';
import { LOG_LEVELS } from './log.ts';
import type { LogLevelSwitch } from './log-level.ts';
import { formatOf, METRICS_TYPE, type MetricsFormat } from './openmetrics.ts';

export interface MetricsServerParts {
  /** The text of a scrape. */
  metrics: (format: MetricsFormat) => Promise<string>;
  /** What the process logs, to be changed by who has come to this very host, or pod. */
  logLevel?: LogLevelSwitch;
  /** Undefined while all is well, else why not: an orchestrator restarts the process then. */
  unhealthy?: () => string | undefined;
  /** Undefined when it can do its work, else what it waits for. */
  notReady?: () => string | undefined;
  /** What is at another path, as JSON, for who has come to this very host, or pod; undefined: nothing. */
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
const ONLY_HERE = 'only from this host, or pod';

export class MetricsServer {
  private readonly parts: MetricsServerParts;
  private readonly server: Server;
  private readonly isHere: (address: string) => boolean;

  /** @param isHere whether an address is of this host, or pod */
  constructor(parts: MetricsServerParts, isHere: (address: string) => boolean = isLoopback) {
    this.parts = parts;
    this.isHere = isHere;
    this.server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      const [path = '', query = ''] = (request.url ?? '').split('?', 2);
      if (path === '/log-level' && parts.logLevel)
        answerLevel({ levels: parts.logLevel, isHere }, request, query, response);
      else void this.answer(request, { path, query }, response);
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
    { method = '', headers, socket }: IncomingMessage,
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
      if (path === '/metrics') {
        const format = formatOf(headers.accept);
        return end(response, 200, await metrics(format), METRICS_TYPE[format]);
      }
      if (tell !== undefined && !this.isHere(socket.remoteAddress ?? '')) return end(response, 403, ONLY_HERE);
      const told = await tell?.(path, new URLSearchParams(query));
      if (told === undefined) return end(response, 404, 'see /metrics, /healthz, /readyz');
      end(response, 200, JSON.stringify(told), 'application/json');
    } catch (error) {
      end(response, 500, messageOf(error));
    }
  }
}

function answerLevel(
  { levels, isHere }: { levels: LogLevelSwitch; isHere: (address: string) => boolean },
  { method, socket }: IncomingMessage,
  query: string,
  response: ServerResponse,
): void {
  const level = new URLSearchParams(query).get('level');
  const known = LOG_LEVELS.find((each) => each === level);
  if (method === 'GET') end(response, 200, levels.level);
  else if (method !== 'PUT') end(response, 405, 'only GET and PUT');
  else if (!isHere(socket.remoteAddress ?? '')) end(response, 403, ONLY_HERE);
  else if (known === undefined) end(response, 400, `level is one of ${LOG_LEVELS.join(', ')}`);
  else {
    levels.set(known);
    end(response, 200, known);
  }
}

function end(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(text.endsWith('\n') ? text : `${text}\n`);
}
