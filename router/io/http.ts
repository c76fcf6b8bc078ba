/**
 * The HTTP side of a listener with `http: yes`: health for probes and metrics for Prometheus (wire reference 11).
 *
 * Nothing else is served: no files, no WebSocket. What the answers say comes from the owner.
 */
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { fastify } from 'fastify';
import { ListenError } from './listen-error.ts';

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
  readonly render: () => string;
  /** Why the router is not healthy; undefined when it is. */
  readonly healthy: () => string | undefined;
}

export interface HttpServer {
  readonly port: number;
  /** Ends open connections too. */
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;
const BODY_BYTES_MAX = 1024;

/** Listens until `signal` is aborted or it is closed. Throws ListenError. */
export async function startHttp(options: HttpOptions, signal: AbortSignal): Promise<HttpServer> {
  const app = fastify({ bodyLimit: BODY_BYTES_MAX, requestTimeout: REQUEST_TIMEOUT_MS, forceCloseConnections: true });
  if (options.healthz) {
    app.get('/healthz', (_, reply) => {
      const reason = options.healthy();
      return reply
        .code(reason === undefined ? 200 : 503)
        .type('text/plain')
        .send(reason === undefined ? 'OK\n' : `${reason}\n`);
    });
  }
  if (options.metrics) {
    app.get('/metrics', (_, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(options.render()));
  }
  app.setNotFoundHandler((_, reply) => reply.code(404).type('text/plain').send('not found\n'));
  try {
    await app.listen({ host: options.host || anyAddress(), port: options.port, signal });
  } catch (error) {
    await app.close();
    throw new ListenError(options.entity, options.host, options.port, error);
  }
  const { port } = app.server.address() as AddressInfo;
  return { port, close: () => app.close() };
}

/** Both families where the machine has IPv6. */
function anyAddress(): string {
  const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ family }) => family === 'IPv6'),
  );
  return hasIpv6 ? '::' : '0.0.0.0';
}
