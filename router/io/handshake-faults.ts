/**
 * TLS handshakes of clients that fail: all of them counted, and told in the log for each listener at once, then at most once in
 * `FAULT_LOG_INTERVAL_MS` with how many there have been. Clients that only connect and leave, as probes do, are told at debug.
 */
import type { Server } from 'node:tls';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { Seldom } from '../../lib/seldom.ts';
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
  const faults = new Seldom(FAULT_LOG_INTERVAL_MS);
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    count.failedCount++;
    if (error.code === 'ECONNRESET' && !socket.authorizationError) {
      log.debug({ name }, 'a client left before its tls handshake was done');
      return;
    }
    const before = faults.tell(now());
    if (before === undefined) return;
    // A client whose certificate is refused is only told that the connection is closed; why is known here.
    const reason = String(socket.authorizationError ?? messageOf(error));
    const since = before > 0 && { before };
    log.warn({ reason, name, host: socket.remoteAddress, ...since }, 'tls handshake failed');
  });
}
