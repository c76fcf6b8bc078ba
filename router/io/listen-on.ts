/**
 * `server.listen` as a promise, failing with an error that names the entity. A name is listened for at each of its addresses, as
 * skupper-router does: where `localhost` is `127.0.0.1` and `::1`, clients try only one of the two.
 */
import { type LookupAddress, promises } from 'node:dns';
import { createServer, isIP, type Server, type ServerOpts } from 'node:net';
import { ListenError } from './listen-error.ts';

export interface ListenTarget {
  /** As the user knows it: "listener 'amqp'". */
  entity: string;
  /** Empty: all addresses. */
  host: string;
  port: number;
  backlog: number;
  family?: 4 | 6;
  /** What `server` was made with, for the further addresses of a name. */
  socketOptions?: ServerOpts;
}

export type Lookup = (name: string, family: 0 | 4 | 6) => Promise<LookupAddress[]>;

const ADDRESSES_MAX = 8;

/** `''` and `::` take IPv4 and IPv6, unless a family is asked for. @throws ListenError */
export async function listenOn(server: Server, target: ListenTarget, lookup: Lookup = lookUp): Promise<void> {
  const { host, family } = target;
  if (family === 4 && (host === '' || host === '::')) await listen(server, target, { host: '0.0.0.0' });
  else if (family === 6 && host === '') await listen(server, target, { host: '::', ipv6Only: true });
  // Without a host node:net takes `::` for both, or IPv4 where the system has no IPv6.
  else if (host === '' || (host === '::' && family === undefined)) await listen(server, target, {});
  else if (isIP(host) !== 0) await listen(server, target, { host });
  else await listenOnName(server, target, lookup);
}

/** The first address that the machine has is the server's own; what comes by the others is handed to it. */
async function listenOnName(server: Server, target: ListenTarget, lookup: Lookup): Promise<void> {
  const { entity, host, port, family = 0, socketOptions = {} } = target;
  const found = await lookup(host, family).catch((error: Error) => {
    throw new ListenError(entity, host, port, error);
  });
  const addresses = [...new Set(found.map(({ address }) => address))].slice(0, ADDRESSES_MAX);
  let isListening = false;
  let missing: ListenError | undefined;
  for (const address of addresses) {
    const each = isListening ? twinOf(server, socketOptions) : server;
    try {
      await listen(each, isListening ? { ...target, port: portOf(server) } : target, { host: address });
      isListening = true;
    } catch (error) {
      if (!(error instanceof ListenError) || !isNotHere(error)) {
        server.close();
        throw error;
      }
      // `::1 localhost` is written down on machines without IPv6 too.
      missing = error;
    }
  }
  if (!isListening && missing !== undefined) throw missing;
}

function twinOf(server: Server, socketOptions: ServerOpts): Server {
  const twin = createServer(socketOptions, (socket) => server.emit('connection', socket));
  server.once('close', () => twin.close());
  return twin;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function isNotHere({ cause }: ListenError): boolean {
  const { code } = cause as NodeJS.ErrnoException;
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT';
}

function lookUp(name: string, family: 0 | 4 | 6): Promise<LookupAddress[]> {
  return promises.lookup(name, { all: true, family });
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
