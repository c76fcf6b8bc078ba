/** Where the routers of `skuprt dev` listen on this machine: each cluster's at a loopback address of its own. */
import { createServer, type Server } from 'node:net';
import { FailedError } from '../errors.ts';

/** What router and adaptor listen on. */
const PORTS: readonly number[] = [5671, 5672, 9090, 45671, 55671];
/** Whoever listens there has the address: two of `skuprt dev` that look at the same moment never get the same. */
const HOLD_PORT = 5670;
/** Of redemption servers, which listen on all addresses: one for each address, and none that a system gives to whoever asks for any. */
const FIRST_GRANT_PORT = 19_090;
const HOST_COUNT = 254;
/** Where a system has but one loopback address, one cluster can be served. */
const ONLY_HOST = '127.0.0.1';

export interface HeldHost {
  host: string;
  /** For the redemption server of its cluster. */
  grantPort: number;
  release(): void;
}

/** A loopback address whose ports are free, until it is released for nobody else. @throws FailedError when there is none */
export async function holdHost(ports = PORTS): Promise<HeldHost> {
  const ours = Array.from({ length: HOST_COUNT }, (_, index) => `127.1.0.${index + 1}`);
  let held: number[] = [];
  for (const [index, host] of [...ours, ONLY_HOST].entries()) {
    const holder = await listen(HOLD_PORT, host);
    if (holder === undefined) {
      held = [HOLD_PORT];
      continue;
    }
    const grantPort = FIRST_GRANT_PORT + index;
    held = [...(await heldPorts(ports, host)), ...(await heldPorts([grantPort]))];
    if (held.length === 0) return { host, grantPort, release: () => holder.close() };
    holder.close();
  }
  throw new FailedError(`No loopback address is left whose ports are free; taken at the last: ${held.join(', ')}`, {
    next: 'Stop what listens there, such as a local site (ss -ltnp shows it), or take fewer clusters at once',
  });
}

async function heldPorts(ports: readonly number[], host?: string): Promise<number[]> {
  const servers = await Promise.all(ports.map((port) => listen(port, host)));
  for (const server of servers) server?.close();
  return ports.filter((_, index) => servers[index] === undefined);
}

/** Undefined when that cannot be. */
function listen(port: number, host?: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen(port, host, () => resolve(server.unref()));
  });
}
