/** Who is at the router's port: the router itself, or another program that took it. */
import { connect } from 'node:tls';
import type { RouterEndpoint } from './client.ts';

const TIMEOUT_MS = 2000;

/** `silent`: nobody can say, since nobody listens, or who does says nothing in time, as a router of a busy machine may. */
export type AtPort = 'router' | 'another' | 'silent';

/** The router proves itself by a certificate of the endpoint's CA. */
export function whoIsAt(endpoint: RouterEndpoint, timeoutMs = TIMEOUT_MS): Promise<AtPort> {
  return new Promise((resolve) => {
    const answer = (who: AtPort) => {
      socket.destroy();
      resolve(who);
    };
    const socket = connect({ ...endpoint, servername: 'localhost', timeout: timeoutMs }, () => answer('router'));
    socket.on('timeout', () => answer('silent'));
    socket.on('error', (error: NodeJS.ErrnoException) => answer(error.code === 'ECONNREFUSED' ? 'silent' : 'another'));
    socket.on('close', () => answer('another'));
  });
}
