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
}

/** @throws ListenError */
export function listenOn(server: Server, { entity, host, port, backlog }: ListenTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(new ListenError(entity, host, port, error));
    server.once('error', failed);
    server.listen({ host: host || undefined, port, backlog }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}
