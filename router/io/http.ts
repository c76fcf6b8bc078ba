/**
 * The HTTP side of a listener with `http: yes`: health for probes, metrics for Prometheus, AMQP over WebSocket, and the files of
 * `httpRootDir` (wire reference 11); over TLS where the listener has an sslProfile, and beside it where `requireSsl` is no.
 *
 * What the answers say comes from the owner.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { type FastifyInstance, fastify } from 'fastify';
import { formatOf, METRICS_TYPE, type MetricsFormat } from '../../lib/openmetrics.ts';
import { servePlainToo } from './first-octet.ts';
import { ListenError } from './listen-error.ts';
import { openStatic } from './static-files.ts';
import { serveWebSockets } from './web-sockets.ts';

export interface HttpTls {
  readonly material: SecureContextOptions;
  /** Of every client. */
  readonly certificateRequired: boolean;
  /** Clients without TLS are served too. */
  readonly plainToo: boolean;
}

export interface HttpOptions {
  /** The entity as the user knows it, for errors: "listener '@9090'". */
  readonly entity: string;
  /** Empty: all addresses. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly healthz: boolean;
  readonly metrics: boolean;
  /** Prometheus text. */
  readonly render: (format: MetricsFormat) => string;
  /** Why the router is not healthy; undefined when it is. */
  readonly healthy: () => string | undefined;
  /** Why it should be sent no clients; undefined when it may. Absent: the same as `healthy`. */
  readonly ready?: () => string | undefined;
  /** Takes an AMQP connection over WebSocket; absent: there are none. */
  readonly webSocket?: (stream: Duplex, socket: Socket) => void;
  /** Whose files are served. */
  readonly rootDir?: string;
  readonly tls?: HttpTls;
  /** A reader that takes nothing of its answer for so long is cut off; half a minute when absent. */
  readonly readerPatienceMs?: number;
}

export interface HttpServer {
  readonly port: number;
  /** New connections are secured by these. */
  setTls(material: SecureContextOptions): void;
  /** Ends open connections too. */
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;
const BODY_BYTES_MAX = 1024;
const READER_PATIENCE_MS = 30_000;

/** Listens until `signal` is aborted or it is closed. Throws ListenError. */
export async function startHttp(options: HttpOptions, signal: AbortSignal): Promise<HttpServer> {
  const { tls, webSocket, readerPatienceMs = READER_PATIENCE_MS } = options;
  const servers: { plain?: Server; secure?: SecureServer } = {};
  const serverFactory = (handler: RequestListener): Server => {
    if (tls === undefined || tls.plainToo) servers.plain = limited(createServer(handler), readerPatienceMs);
    if (tls !== undefined) servers.secure = limited(secureServer(handler, tls, servers.plain), readerPatienceMs);
    for (const server of [servers.plain, servers.secure]) if (server && webSocket) serveWebSockets(server, webSocket);
    // It is an HTTP server in all that matters here.
    return (servers.secure ?? servers.plain)! as Server;
  };
  const app = fastify({ bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true, serverFactory }) as FastifyInstance;
  addRoutes(app, options);
  try {
    await app.listen({ host: options.host || anyAddress(), port: options.port, signal });
  } catch (error) {
    await app.close();
    throw new ListenError(options.entity, options.host, options.port, error);
  }
  const { port } = app.server.address() as AddressInfo;
  return {
    port,
    setTls: (material) => servers.secure?.setSecureContext(material),
    close: async () => {
      servers.plain?.closeAllConnections();
      await app.close();
    },
  };
}

/** Neither who asks slowly nor who reads nothing holds a connection and an answer for ever. */
function limited<S extends Server | SecureServer>(server: S, readerPatienceMs: number): S {
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.setTimeout(readerPatienceMs, (socket: Socket) => socket.destroy());
  return server;
}

function secureServer(handler: RequestListener, tls: HttpTls, plain: Server | undefined): SecureServer {
  const { material, certificateRequired } = tls;
  const options = { ...material, requestCert: certificateRequired, rejectUnauthorized: certificateRequired };
  const server = createSecureServer(options, handler);
  if (plain) servePlainToo(server, (socket) => plain.emit('connection', socket));
  return server;
}

function addRoutes(app: FastifyInstance, options: HttpOptions): void {
  if (options.healthz) {
    const { healthy, ready = healthy } = options;
    for (const [path, ask] of [
      ['/healthz', healthy],
      ['/readyz', ready],
    ] as const) {
      app.get(path, (_, reply) => {
        const reason = ask();
        return reply
          .code(reason === undefined ? 200 : 503)
          .type('text/plain')
          .send(reason === undefined ? 'OK\n' : `${reason}\n`);
      });
    }
  }
  if (options.metrics) {
    app.get('/metrics', ({ headers }, reply) => {
      const format = formatOf(headers.accept);
      return reply.type(METRICS_TYPE[format]).send(options.render(format));
    });
  }
  const { rootDir } = options;
  if (rootDir !== undefined) {
    app.get('/*', async (request, reply) => {
      const found = await openStatic(rootDir, new URL(request.url, 'http://localhost').pathname);
      if (found === undefined) return reply.callNotFound();
      return reply.type(found.type).header('content-length', found.sizeBytes).send(found.file.createReadStream());
    });
  }
  app.setNotFoundHandler((_, reply) => reply.code(404).type('text/plain').send('not found\n'));
}

/** Both families where the machine has IPv6. */
function anyAddress(): string {
  const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ family }) => family === 'IPv6'),
  );
  return hasIpv6 ? '::' : '0.0.0.0';
}
