/**
 * TLS handshakes of clients that fail: all of them counted, and told in the log for each listener at once, then at most once in
 * `FAULT_LOG_INTERVAL_MS` with how many there have been. Clients that only connect and leave, as probes do, are told at debug.
 */
import type { Server } from 'node:tls';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { FAULT_LOG_INTERVAL_MS } from '../core/limits.ts';

export interface HandshakeCount {
  failedCount: number;
}

export interface HandshakeWatch {
  /** Of the listener. */
  name: string;
  log: Logger;
  count: HandshakeCount;
  /** ms */
  now: () => number;
}

export function watchHandshakes(server: Server, { name, log, count, now }: HandshakeWatch): void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    count.failedCount++;
    if (error.code === 'ECONNRESET' && !socket.authorizationError) {
      log.debug({ name }, 'a client left before its tls handshake was done');
      return;
    }
    if (now() < toldAt + FAULT_LOG_INTERVAL_MS) {
      untold++;
      return;
    }
    // A client whose certificate is refused is only told that the connection is closed; why is known here.
    const reason = String(socket.authorizationError ?? messageOf(error));
    const since = untold === 0 ? {} : { before: untold };
    log.warn({ reason, name, host: socket.remoteAddress, ...since }, 'tls handshake failed');
    toldAt = now();
    untold = 0;
  });
}
