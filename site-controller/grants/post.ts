/**
 * One POST to the redemption server of another site: https only, TLS 1.3, trust in the given CA alone, no redirect, a limit on time and
 * on size; through an HTTP proxy by CONNECT where one is given. It never rejects: why there is no reply is a value too.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { messageOf } from '../../lib/errors.ts';
import { NO_TRACER, type Tracer } from '../../lib/trace/tracer.ts';
import { ANSWER_BYTES_MAX } from './protocol.ts';

const TIMEOUT_MS = 10_000;

export interface HttpProxy {
  host: string;
  port: string;
  username?: string;
  password?: string;
}

export interface PostOptions {
  headers: Record<string, string>;
  body: string;
  /** PEM bundle. */
  ca: string;
  proxy?: HttpProxy;
  /** 10 s when absent. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** The request is a span of it, and the other site is told of the trace. */
  tracer?: Tracer;
}

export interface Reply {
  status: number;
  body: string;
  retryAfter?: string;
}

export type Failure = { kind: 'timeout' | 'untrusted' | 'unreachable'; text: string };

export function post(url: string, options: PostOptions): Promise<Reply | Failure> {
  const { tracer = NO_TRACER } = options;
  const { hostname, port } = new URL(url);
  const attributes = { 'http.request.method': 'POST', 'server.address': hostname, 'server.port': Number(port || 443) };
  return tracer.span('POST', { kind: 'client', attributes }, async () => {
    const { traceparent } = tracer;
    const headers = { ...options.headers, ...(traceparent !== undefined && { traceparent }) };
    const reply = await tryPost(url, { ...options, headers });
    if ('kind' in reply) tracer.fail(reply.text);
    else tracer.set({ 'http.response.status_code': reply.status });
    return reply;
  });
}

async function tryPost(url: string, options: PostOptions): Promise<Reply | Failure> {
  const { timeoutMs = TIMEOUT_MS, signal } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const ended = signal ? AbortSignal.any([signal, timeout]) : timeout;
  try {
    const tunnel = options.proxy && (await tunnelThrough(options.proxy, new URL(url), ended));
    return await send(url, options, tunnel, ended);
  } catch (error) {
    return failure(url, error, timeout.aborted ? timeoutMs : undefined);
  }
}

/** What a proxy Secret (basic-auth: host, port, username, password) says; undefined when it lacks host or port. */
export function proxyFrom(values: Readonly<Record<string, string>> | undefined): HttpProxy | undefined {
  const { host, port, username, password } = values ?? {};
  return host && port ? { host, port, username, password } : undefined;
}

function send(
  url: string,
  { headers, body, ca }: PostOptions,
  tunnel: Socket | undefined,
  signal: AbortSignal,
): Promise<Reply> {
  const { hostname } = new URL(url);
  const servername = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      ca,
      minVersion: 'TLSv1.3',
      agent: false,
      signal,
      ...(tunnel && {
        createConnection: () => tlsConnect({ socket: tunnel, host: servername, ca, minVersion: 'TLSv1.3' }),
      }),
    });
    request.once('error', reject);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let byteCount = 0;
      response.on('data', (chunk: Buffer) => {
        byteCount += chunk.length;
        if (byteCount > ANSWER_BYTES_MAX)
          response.destroy(new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`));
        else chunks.push(chunk);
      });
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode: status = 0, headers: answered } = response;
        resolve({ status, body: Buffer.concat(chunks).toString(), retryAfter: answered['retry-after'] });
      });
    });
    request.end(body);
  });
}

function tunnelThrough(proxy: HttpProxy, { hostname, port }: URL, signal: AbortSignal): Promise<Socket> {
  const place = `${hostname}:${port || '443'}`;
  const credentials = Buffer.from(`${proxy.username}:${proxy.password ?? ''}`).toString('base64');
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: proxy.host,
      port: proxy.port,
      method: 'CONNECT',
      path: place,
      headers: { host: place, ...(proxy.username && { 'proxy-authorization': `Basic ${credentials}` }) },
      agent: false,
      signal,
    });
    request.once('error', (cause) =>
      reject(new Error(`proxy ${proxy.host}:${proxy.port}: ${messageOf(cause)}`, { cause })),
    );
    request.once('response', ({ statusCode }) => reject(refusedBy(proxy, statusCode)));
    request.once('connect', ({ statusCode }, socket: Socket) => {
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(refusedBy(proxy, statusCode));
    });
    request.end();
  });
}

function refusedBy({ host, port }: HttpProxy, statusCode: number | undefined): Error {
  return new Error(`proxy ${host}:${port} answered ${statusCode}`);
}

function failure(url: string, error: unknown, timedOutMs: number | undefined): Failure {
  const { host } = new URL(url);
  if (timedOutMs !== undefined)
    return { kind: 'timeout', text: `${host} did not answer within ${timedOutMs / 1000} s` };
  const code = (error as NodeJS.ErrnoException).code ?? '';
  // The names of OpenSSL's verification results, and Node's for a wrong host name.
  const untrusted = /CERT|LEAF_SIGNATURE|INVALID_(CA|PURPOSE)|PATH_LENGTH/.test(code);
  // Node's own advice, for those who start node themselves, comes after a semicolon.
  const [reason] = messageOf(error).split('; ', 1);
  return { kind: untrusted ? 'untrusted' : 'unreachable', text: `${host}: ${reason || code}` };
}
