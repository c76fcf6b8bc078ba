/** Whether the router itself is at its port, or another program that took it. */
import { connect } from 'node:tls';
import type { RouterEndpoint } from './client.ts';

const TIMEOUT_MS = 2000;

/** True when a TLS handshake proves it by a certificate of the endpoint's CA. */
export function isRouterAt(endpoint: RouterEndpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const answer = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    const socket = connect({ ...endpoint, servername: 'localhost', timeout: TIMEOUT_MS }, () => answer(true));
    for (const event of ['timeout', 'error', 'close']) socket.on(event, () => answer(false));
  });
}
