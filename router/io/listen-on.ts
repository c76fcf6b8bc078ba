/** `server.listen` as a promise, failing with an error that names the entity. */
import type { Server } from 'node:net';
import { ListenError } from './listen-error.ts';

export interface ListenTarget {
  /** As the user knows it: "listener 'amqp'". */
  entity: string;
  /** Empty: all addresses. */
  host: string;
  port: number;
  backlog: number;
  family?: 4 | 6;
}

/** `''` and `::` take IPv4 and IPv6, unless a family is asked for. @throws ListenError */
export async function listenOn(server: Server, target: ListenTarget): Promise<void> {
  const { host, family } = target;
  if (family === 4 && (host === '' || host === '::')) await listen(server, target, { host: '0.0.0.0' });
  else if (family === 6 && host === '') await listen(server, target, { host: '::', ipv6Only: true });
  // Without a host node:net takes `::` for both, or IPv4 where the system has no IPv6.
  else await listen(server, target, { host: host === '::' && family === undefined ? undefined : host || undefined });
}

function listen(
  server: Server,
  { entity, host, port, backlog, family }: ListenTarget,
  at: { host?: string; ipv6Only?: boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(new ListenError(entity, host, port, error));
    server.once('error', failed);
    server.listen({ ipv6Only: family === 6, ...at, port, backlog }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}
