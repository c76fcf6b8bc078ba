/**
 * UDP of the DNS server. Where it is to listen on every address, each address has its own socket, as other name servers do: an answer
 * has to come from the address that was asked, and a socket for all of them leaves that to the routes. Addresses are looked at again
 * every ten seconds.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

export interface UdpParts {
  /** The answer to a datagram, or none. */
  answer: (bytes: Buffer) => Buffer | undefined;
  /** A socket could not be opened, or broke. */
  failed: (error: unknown, address: string) => void;
  /** An answer could not be sent: nothing leads to who asked, or he does not exist. */
  unsent: () => void;
}

const LOOK_AGAIN_MS = 10_000;
/** Bursts wait in the kernel while others run; it may grant less. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

export class UdpSockets {
  private readonly parts: UdpParts;
  private readonly sockets = new Map<string, Socket>();
  private timer: NodeJS.Timeout | undefined;

  constructor(parts: UdpParts) {
    this.parts = parts;
  }

  /** Rejects when nothing can be opened. The port, of the first socket where 0 is asked for. */
  async start(host: string, port: number): Promise<number> {
    if (!isWildcard(host)) return await this.open(host, port);
    const [first, ...others] = addressesOf(host);
    if (first === undefined) throw new Error(`this machine has no address for ${host}`);
    const found = await this.open(first, port);
    await this.openAll(others, found);
    this.timer = setInterval(() => void this.look(host, found), LOOK_AGAIN_MS).unref();
    return found;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    const sockets = [...this.sockets.values()];
    this.sockets.clear();
    await Promise.all(
      sockets.map(async (socket) => {
        const closed = once(socket, 'close');
        socket.close();
        await closed;
      }),
    );
  }

  private async look(host: string, port: number): Promise<void> {
    const addresses = addressesOf(host);
    for (const [address, socket] of this.sockets) {
      if (addresses.includes(address)) continue;
      this.sockets.delete(address);
      socket.close();
    }
    await this.openAll(
      addresses.filter((address) => !this.sockets.has(address)),
      port,
    );
  }

  private async openAll(addresses: readonly string[], port: number): Promise<void> {
    for (const address of addresses) {
      // An address that is being set up cannot be bound yet.
      await this.open(address, port).catch((error: unknown) => this.parts.failed(error, address));
    }
  }

  private async open(address: string, port: number): Promise<number> {
    const isSix = isIPv6(address.split('%')[0]!);
    const type = isSix ? 'udp6' : 'udp4';
    const family = isSix ? 6 : 4;
    // Only literal addresses are ever sent to: no resolver, no turn of the event loop.
    const lookup = (
      hostname: string,
      _options: unknown,
      done: (error: null, address: string, family: number) => void,
    ): void => done(null, hostname, family);
    const socket = createSocket({ type, ipv6Only: isSix, lookup });
    // Before it is bound: that is told in the same turn.
    const listening = once(socket, 'listening');
    socket.bind({ address, port, exclusive: true });
    try {
      await listening;
    } catch (error) {
      socket.close();
      throw error;
    }
    this.sockets.set(address, socket);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // As often as somebody likes, so it is counted and not told.
      if (error.syscall === 'send') this.parts.unsent();
      else this.parts.failed(error, address);
    });
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch {
      // As large as it is.
    }
    socket.on('message', (bytes, from) => this.received(socket, bytes, from));
    return socket.address().port;
  }

  private received(socket: Socket, bytes: Buffer, from: RemoteInfo): void {
    // Nobody can be answered there, and the kernel would say so with an error.
    if (from.port === 0) return;
    const answer = this.parts.answer(bytes);
    if (answer !== undefined) socket.send(answer, 0, answer.length, from.port, from.address);
  }
}

/** Of this machine, those that the wildcard stands for. */
function addressesOf(host: string): string[] {
  const family = host === '::' ? 'IPv6' : 'IPv4';
  const found = Object.entries(networkInterfaces()).flatMap(([name, entries]) =>
    (entries ?? [])
      .filter((entry) => entry.family === family)
      .map(({ address }) => (address.startsWith('fe80:') ? `${address}%${name}` : address)),
  );
  return [...new Set(found)];
}
