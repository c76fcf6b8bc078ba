/**
 * The redemption server: HTTPS, TLS 1.3, POST /<grant UID> in two forms, POST /renew/<site id> (protocol.ts). It reads requests and writes
 * answers; what is answered is decided in redemptions.ts and renewals.ts. Sizes, times and connections are limited; certificates change without a restart.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import Value from 'typebox/value';
import { AssertionError, messageOf, SkuprtError } from '../../lib/errors.ts';
import { NO_TRACER, type Tracer } from '../../lib/trace/tracer.ts';
import type { KeyPair } from '../pki/authority.ts';
import {
  ANSWER,
  BODY_BYTES_MAX,
  CsrBody,
  JSON_TYPE,
  RENEW_PATH,
  RedeemerHeaders,
  RenewBody,
  SITE_NAME_HEADER,
  SiteName,
} from './protocol.ts';
import { type Answer, type Claim, Redemptions, type RedemptionsUses } from './redemptions.ts';
import { type RenewalClaim, Renewals, type RenewalsUses } from './renewals.ts';
import { SITE_PROOF_HEADER } from './site-proof.ts';

const CONNECTIONS_MAX = 256;
const STOP_GRACE_MS = 2000;

export interface GrantServerOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  credentials: KeyPair;
  /** From the first byte of a request to its last, and for a TLS handshake; 10 s when absent. */
  requestTimeoutMs?: number;
}

export class GrantServerListenError extends SkuprtError {
  readonly code = 'SKUPRT_GRANT_SERVER_CANNOT_LISTEN';
  readonly fault = 'environment';
}

export class GrantServer {
  readonly #options: GrantServerOptions;
  readonly #redemptions: Redemptions;
  readonly #renewals: Renewals | undefined;
  readonly #log: RedemptionsUses['log'];
  readonly #tracer: Tracer;
  readonly #server: Server;

  /** Without `renewals` certificates are not renewed here. */
  constructor(uses: RedemptionsUses, options: GrantServerOptions, renewals?: RenewalsUses) {
    const { credentials, requestTimeoutMs = 10_000 } = options;
    this.#options = options;
    this.#redemptions = new Redemptions(uses);
    this.#renewals = renewals && new Renewals(renewals);
    this.#log = uses.log;
    this.#tracer = uses.tracer ?? NO_TRACER;
    this.#server = createServer({
      ...secureContext(credentials),
      handshakeTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.ceil(requestTimeoutMs / 4),
      keepAliveTimeout: 1000,
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on('request', (request, response) => void this.#serve(request, response));
    this.#server.on('tlsClientError', (err) => this.#log.debug({ err }, 'redemption handshake failed'));
  }

  /** The port it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** @throws GrantServerListenError */
  async start(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(
          new GrantServerListenError(
            `tokens cannot be redeemed here: cannot listen on ${host}:${port}: ${messageOf(cause)}`,
            {
              cause,
              next: `Free port ${port} or set another one for the redemption server`,
            },
          ),
        ),
      );
      this.#server.listen({ host, port }, resolve);
    });
    this.#server.on('error', (err) => this.#log.error({ err }, 'redemption server failed'));
  }

  /** New handshakes use `credentials`; connections that are open go on. */
  setCredentials(credentials: KeyPair): void {
    this.#server.setSecureContext(secureContext(credentials));
  }

  /** Takes no more requests and lets those under way end, for a short time. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#server.closeAllConnections(), STOP_GRACE_MS);
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
    clearTimeout(timer);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body, headers } = await this.#traced(request);
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close', ...headers });
    response.end(status === 200 ? body : `${body}\n`);
  }

  /** In the trace of who asks, when it says one. */
  #traced(request: IncomingMessage): Promise<Answer> {
    const { traceparent } = request.headers;
    const name = request.url?.startsWith(RENEW_PATH) ? 'renewal' : 'redemption';
    const attributes = { 'client.address': remoteOf(request), 'http.request.method': request.method ?? '' };
    const options = { kind: 'server', attributes, ...(typeof traceparent === 'string' && { traceparent }) } as const;
    return this.#tracer.span(name, options, async () => {
      const answer = await this.#answer(request);
      const { status, body } = answer;
      this.#tracer.set({ 'http.response.status_code': status });
      if (status >= 400) this.#tracer.fail(body);
      return answer;
    });
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'POST') return { status: 405, body: ANSWER.onlyPost, headers: { allow: 'POST' } };
    const body = await readBody(request, BODY_BYTES_MAX).catch(() => '');
    if (body === undefined) return { status: 413, body: ANSWER.tooLarge };
    try {
      return await this.#decide(request, body);
    } catch (err) {
      if (err instanceof AssertionError) throw err;
      this.#log.error({ err, remote: remoteOf(request) }, 'redemption failed');
      return { status: 500, body: ANSWER.internal };
    }
  }

  async #decide(request: IncomingMessage, body: string): Promise<Answer> {
    if (this.#renewals !== undefined && request.url?.startsWith(RENEW_PATH)) {
      const renewal = renewalOf(request, body);
      return renewal === undefined ? { status: 400, body: ANSWER.badBody } : this.#renewals.renew(renewal);
    }
    const claim = body === '' ? undefined : claimOf(request, body);
    return claim === undefined ? { status: 400, body: ANSWER.badBody } : this.#redemptions.redeem(claim);
  }
}

function secureContext({ certificate, privateKey }: KeyPair) {
  return { cert: certificate, key: privateKey, minVersion: 'TLSv1.3' as const };
}

/** Undefined when the request is in neither form. */
function claimOf(request: IncomingMessage, body: string): Claim | undefined {
  const siteName = request.headers[SITE_NAME_HEADER];
  const target = {
    uid: (request.url ?? '').slice(1),
    remote: remoteOf(request),
    ...(Value.Check(SiteName, siteName) && { siteName }),
  };
  if (request.headers['content-type']?.startsWith(JSON_TYPE)) {
    const parsed = parseJson(body);
    if (!Value.Check(CsrBody, parsed)) return undefined;
    const proof = request.headers[SITE_PROOF_HEADER];
    return { ...target, ...parsed, ...(typeof proof === 'string' && { proof }) };
  }
  const { name, subject } = request.headers;
  const redeemer = { ...(name ? { name } : {}), subject };
  return Value.Check(RedeemerHeaders, redeemer) ? { ...target, ...redeemer, code: body } : undefined;
}

function renewalOf(request: IncomingMessage, body: string): RenewalClaim | undefined {
  const parsed = parseJson(body);
  const siteId = decoded((request.url ?? '').slice(RENEW_PATH.length));
  if (siteId === undefined || siteId === '' || !Value.Check(RenewBody, parsed)) return undefined;
  return { ...parsed, siteId, remote: remoteOf(request) };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function remoteOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined when the body is longer than `bytesMax`; the rest of it is not read. */
function readBody(request: IncomingMessage, bytesMax: number): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let byteCount = 0;
    request.on('data', (chunk: Buffer) => {
      byteCount += chunk.length;
      if (byteCount <= bytesMax) chunks.push(chunk);
      else {
        request.pause();
        resolve(undefined);
      }
    });
    request.once('end', () => resolve(Buffer.concat(chunks).toString()));
    request.once('error', reject);
  });
}
