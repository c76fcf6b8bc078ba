/**
 * The console's server: the page, and what it asks for, over HTTP. It reads the network from a model, knows nothing of routers, clusters or
 * files, and changes nothing but by what the place offers. Everything but the page itself, `/healthz` and the sign-in is for who is
 * signed in.
 */
import { randomBytes } from 'node:crypto';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock } from '../../lib/clock.ts';
import { AssertionError, httpStatusOf, messageOf, SkuprtError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { formatOf, METRICS_TYPE } from '../../lib/openmetrics.ts';
import { detailRoutes } from './detail-routes.ts';
import { ConsoleListenError, ConsoleRequestError, notFound } from './errors.ts';
import { LIMITS } from './limits.ts';
import { ConsoleMetrics } from './metrics.ts';
import { NetworkFeed } from './network-feed.ts';
import { networkRoutes } from './network-routes.ts';
import { bodyFor, type PageFiles } from './page-files.ts';
import { requireLoopbackHost, requireOwnOrigin, SECURITY_HEADERS } from './request-guard.ts';
import { sessionRoutes } from './session-routes.ts';
import { type Session, Sessions } from './sessions.ts';
import { SignIn } from './sign-in.ts';
import { Streams } from './streams.ts';
import { tokenRoutes } from './token-routes.ts';
import type { Access, ConsoleModel, PlaceOf } from './uses.ts';

export interface ConsoleServerParts {
  model: ConsoleModel;
  placeOf: PlaceOf;
  /** Nobody is signed in with that token any more. */
  onLeft?: (token: string) => void;
  access: Access;
  page: PageFiles;
  clock: Clock;
  log: Logger;
}

export interface ConsoleServerOptions {
  /** Nothing can be made from here, whoever is signed in. */
  isReadOnly: boolean;
  /** Answers to names of this machine only. */
  isLoopbackOnly: boolean;
  /** TLS, in PEM; plain HTTP when absent. */
  tls?: { cert: string; key: string };
}

export class ConsoleServer {
  readonly metrics: ConsoleMetrics;
  readonly #parts: ConsoleServerParts;
  readonly #options: ConsoleServerOptions;
  readonly #app: FastifyInstance;
  readonly #streams: Streams;
  readonly #sessions: Sessions;
  readonly #signIn: SignIn;
  readonly #requestSessions = new WeakMap<FastifyRequest, Session>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ConsoleServerParts, options: ConsoleServerOptions) {
    const { clock, access, onLeft = () => {} } = parts;
    this.#parts = parts;
    this.#options = options;
    this.metrics = new ConsoleMetrics({ streamCount: () => this.#streams.count });
    this.#streams = new Streams({ clock, onCut: () => this.metrics.streamCut() });
    const newId = () => randomBytes(32).toString('base64url');
    this.#sessions = new Sessions({ access, clock, newId, onEnd: (id) => this.#streams.end(id), onLeft });
    const onTry = (result: 'accepted' | 'refused' | 'waiting') => this.metrics.signIn(result);
    this.#signIn = new SignIn({ access, sessions: this.#sessions, clock, onTry });
    this.#app = this.#build();
  }

  /** For tests that need no socket. */
  get inject(): FastifyInstance['inject'] {
    return this.#app.inject.bind(this.#app);
  }

  /** @param host `::` for all addresses. @returns the port it listens on. @throws ConsoleListenError */
  async start({ host, port }: { host: string; port: number }): Promise<number> {
    // Where the machine has no IPv6, Node takes all of IPv4 if no address is named.
    const named = host === '::' ? '' : host;
    try {
      await this.#app.listen({ host: named, port, listenTextResolver: () => '' });
    } catch (cause) {
      throw new ConsoleListenError(`the console cannot listen on ${host}:${port}: ${messageOf(cause)}`, {
        cause,
        next: 'Free the port, or give another one with --port',
      });
    }
    this.#timer = setInterval(() => void this.heartbeat(), LIMITS.heartbeatMs).unref();
    return (this.#app.server.address() as AddressInfo).port;
  }

  /** New connections get this certificate. */
  setTls(tls: NonNullable<ConsoleServerOptions['tls']>): void {
    (this.#app.server as HttpsServer).setSecureContext(tls);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#streams.end();
    await this.#app.close();
  }

  /** Every `LIMITS.heartbeatMs`, by itself once started. */
  async heartbeat(): Promise<void> {
    this.#streams.heartbeat();
    await this.#sessions.recheck(this.#streams.owners());
  }

  #build(): FastifyInstance {
    const app = fastify({
      ...(this.#options.tls !== undefined && { https: { ...this.#options.tls, minVersion: 'TLSv1.2' as const } }),
      bodyLimit: LIMITS.bodyBytesMax,
      requestTimeout: LIMITS.requestTimeoutMs,
      keepAliveTimeout: LIMITS.keepAliveMs,
      forceCloseConnections: true,
      http: { maxHeaderSize: LIMITS.headerBytesMax },
      routerOptions: { maxParamLength: LIMITS.pathCharsMax },
      // What is not known is a mistake, and not taken away silently.
      ajv: { customOptions: { removeAdditional: false, allErrors: true } },
    }) as unknown as FastifyInstance;
    app.server.maxConnections = LIMITS.connectionCountMax;
    app.removeContentTypeParser('text/plain');
    app.addHook('onRequest', async (request, reply) => {
      reply.headers({ ...SECURITY_HEADERS });
      if (this.#options.isLoopbackOnly) requireLoopbackHost(request);
      requireOwnOrigin(request);
    });
    app.addHook('onResponse', async (_request, reply) => this.metrics.requested(reply.statusCode));
    app.setErrorHandler<FastifyError>((error, request, reply) => this.#failed(error, request, reply));
    app.setNotFoundHandler((request, reply) => this.#sendFile(request, reply));
    app.get('/healthz', async (_request, reply) => reply.type('text/plain; charset=utf-8').send('ok\n'));
    app.register(
      async (api) => {
        sessionRoutes(api, { signIn: this.#signIn, access: this.#parts.access });
        await api.register(async (inner) => this.#signedInRoutes(inner));
      },
      { prefix: '/api/v1' },
    );
    app.register(async (inner) => {
      this.#requireSignIn(inner);
      inner.get('/metrics', async ({ headers }, reply) => {
        const format = formatOf(headers.accept);
        return reply.type(METRICS_TYPE[format]).send(await this.metrics.render(format));
      });
    });
    return app;
  }

  #signedInRoutes(app: FastifyInstance): void {
    const { model, placeOf, clock } = this.#parts;
    const { isReadOnly } = this.#options;
    this.#requireSignIn(app);
    app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
    const sessionOf = (request: FastifyRequest) => this.#requestSessions.get(request)!;
    const feed = new NetworkFeed({ model, clock, isReadOnly });
    networkRoutes(app, { model, feed, streams: this.#streams, sessionOf });
    detailRoutes(app, { model, placeOf, sessionOf });
    tokenRoutes(app, { placeOf, isReadOnly, sessionOf });
  }

  #requireSignIn(app: FastifyInstance): void {
    app.addHook('onRequest', async (request) => {
      this.#requestSessions.set(request, await this.#signIn.sessionOf(request));
    });
  }

  /** Everything that is no route: a file of the page, or nothing. */
  #sendFile({ method, url, headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
    const file = this.#parts.page.get(url.split('?', 1)[0]!);
    if (file === undefined || (method !== 'GET' && method !== 'HEAD')) throw notFound('there is nothing at this path');
    const { encoding, body } = bodyFor(file, headers['accept-encoding']);
    // Each form has its own tag.
    const etag = encoding === 'identity' ? file.etag : file.etag.replace(/"$/, `-${encoding}"`);
    reply.headers({ etag, vary: 'accept-encoding', 'cache-control': 'no-cache' });
    if (headers['if-none-match']?.split(/,\s*/).includes(etag)) return reply.code(304).send();
    if (encoding !== 'identity') reply.header('content-encoding', encoding);
    return reply.code(200).type(file.type).send(body);
  }

  #failed(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (error instanceof AssertionError) throw error;
    if (error instanceof ConsoleRequestError) {
      if (error.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(error.retryAfterMs / 1000));
      return reply.code(error.status).send({ code: error.word, message: error.message });
    }
    if (error instanceof SkuprtError) {
      const status = isForbidden(error) ? 403 : error.fault === 'caller' ? 400 : 502;
      const message = error.next === undefined ? error.message : `${error.message}. ${error.next}`;
      return reply.code(status).send({ code: error.code, message });
    }
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send({ code: 'bad-request', message: error.message });
    this.#parts.log.error({ err: error, method: request.method, url: request.routeOptions.url }, 'request failed');
    return reply.code(500).send({ code: 'internal', message: 'the console failed; its log says more' });
  }
}

/** What an API server refused to who is signed in. */
function isForbidden(error: SkuprtError): boolean {
  const status = httpStatusOf(error);
  return status === 401 || status === 403;
}
