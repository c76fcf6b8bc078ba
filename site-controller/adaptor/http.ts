/** The adaptor's own HTTP: one path a port, for the kubelet and for Prometheus. Plain `node:http`, since it costs no memory. */
import { createServer, type Server } from 'node:http';
import { messageOf, SkuprtError } from '../../lib/errors.ts';

export interface PageOptions {
  /** Undefined: every interface. */
  host: string | undefined;
  port: number;
  path: string;
  /** @param accept the header of the request */
  render: (accept: string | undefined) => { status: number; text: string; type?: string };
}

const TIMEOUT_MS = 5000;
const NOT_FOUND = { status: 404, text: 'not found\n', type: undefined };

export class AdaptorListenError extends SkuprtError {
  readonly code = 'SKUPRT_ADAPTOR_CANNOT_LISTEN';
  readonly fault = 'environment';
}

/** Serves until `signal` aborts. @throws AdaptorListenError */
export function servePage({ host, port, path, render }: PageOptions, signal: AbortSignal): Promise<void> {
  const server: Server = createServer({ requestTimeout: TIMEOUT_MS }, (request, response) => {
    const isPage = request.url?.split('?', 1)[0] === path;
    const { status, text, type = 'text/plain; charset=utf-8' } = isPage ? render(request.headers.accept) : NOT_FOUND;
    response.writeHead(status, { 'content-type': type }).end(text);
  });
  server.unref();
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const where = `${host ?? '*'}:${port}`;
      reject(new AdaptorListenError(`cannot serve ${path} at ${where}: ${messageOf(cause)}`, { cause }));
    });
    server.listen({ host, port }, () => {
      if (signal.aborted) close();
      signal.addEventListener('abort', close, { once: true });
      resolve();
    });
  });
}
