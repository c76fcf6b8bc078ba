/** Connections to API servers: kept, probed, and with one TLS context for all of them. */
import type { AgentOptions } from 'node:https';
import { createSecureContext } from 'node:tls';

export interface TlsFiles {
  /** PEM; absent: the authorities that Node trusts. */
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
  isUnverified?: boolean;
}

/** API servers close what is idle for 90 s; we do it first, so that no request meets a closing connection. */
const IDLE_MS = 60_000;
const PROBE_MS = 15_000;
/** As many as calls at once: a socket that is not kept costs a handshake each call. */
const IDLE_SOCKETS_MAX = 32;

export function agentOptions({ ca, cert, key, servername, isUnverified }: TlsFiles): AgentOptions {
  return {
    keepAlive: true,
    keepAliveMsecs: PROBE_MS,
    maxFreeSockets: IDLE_SOCKETS_MAX,
    scheduling: 'lifo',
    timeout: IDLE_MS,
    secureContext: createSecureContext({ ca, cert, key }),
    ...(servername === undefined ? {} : { servername }),
    ...(isUnverified ? { rejectUnauthorized: false } : {}),
  };
}
