/**
 * One HTTP request to an API server: HTTP/1.1 over kept connections. Knows nothing of Kubernetes.
 *
 * `Transport` is the seam: tests put an API server in memory behind it.
 */
import type { Agent as HttpAgent } from 'node:http';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { WebSocket } from 'ws';
import { connectionError } from './errors.ts';
import { openWebSocket } from './web-socket.ts';

export interface HttpRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: Record<string, string>;
  body?: string;
  signal: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string | string[] | undefined>;
  body: AsyncIterable<Buffer>;
}

export interface Transport {
  /** `https://host:port`, for messages. */
  readonly server: string;
  /** Resolves with the head of the answer. @throws ApiUnreachableError, ApiUntrustedError; anything once `signal` aborted */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** A WebSocket to that path, open and paused. Not every transport has them. @throws PortForwardError, ApiUnreachableError */
  webSocket?(path: string, protocol: string): Promise<WebSocket>;
  /** The server does not accept our credentials: they are read anew. */
  renew(): void;
  close(): void;
}

/** What is needed to be let in. */
export interface Access {
  agent: HttpAgent;
  headers: Record<string, string>;
}

/** Where an API server is and who we are to it. */
export interface Endpoint {
  /** Without a trailing slash; may have a path. */
  readonly server: string;
  /** Asked for each request; keeps what has not changed. */
  access(): Promise<Access>;
  /** Forgets tokens that were kept. */
  renew(): void;
  close(): void;
}

export class HttpTransport implements Transport {
  private readonly endpoint: Endpoint;
  private readonly url: URL;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    this.url = new URL(endpoint.server);
  }

  get server(): string {
    return this.endpoint.server;
  }

  renew(): void {
    this.endpoint.renew();
  }

  close(): void {
    this.endpoint.close();
  }

  async send(request: HttpRequest): Promise<HttpAnswer> {
    const { agent, headers } = await this.endpoint.access();
    const answer = await this.exchange(request, agent, headers);
    const body = bodyOf(answer, this.server);
    return { status: answer.statusCode ?? 0, headers: answer.headers, body };
  }

  async webSocket(path: string, protocol: string): Promise<WebSocket> {
    const { pathname, origin } = this.url;
    const url = `${origin.replace(/^http/, 'ws')}${pathname === '/' ? '' : pathname}${path}`;
    return await openWebSocket({ url, protocol, server: this.server, ...(await this.endpoint.access()) });
  }

  private exchange(sent: HttpRequest, agent: HttpAgent, access: Record<string, string>): Promise<IncomingMessage> {
    const { hostname, port, protocol, pathname } = this.url;
    const start = protocol === 'http:' ? httpRequest : httpsRequest;
    const length = sent.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(sent.body)) };
    return new Promise((resolve, reject) => {
      const request = start({
        agent,
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port,
        method: sent.method,
        path: `${pathname === '/' ? '' : pathname}${sent.path}`,
        headers: { ...sent.headers, ...access, ...length },
        signal: sent.signal,
      });
      request.once('response', resolve);
      request.on('error', (error) => reject(connectionError(this.server, error)));
      request.end(sent.body);
    });
  }
}

async function* bodyOf(answer: IncomingMessage, server: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of answer) yield chunk as Buffer;
  } catch (error) {
    throw connectionError(server, error);
  } finally {
    answer.destroy();
  }
}
