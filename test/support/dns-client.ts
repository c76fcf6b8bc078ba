/** Clients of DNS over real sockets: UDP that takes answers of the address asked only, TCP with pipelining, and `dig`. */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { decode, query, type Said } from './dns.ts';

const PATIENCE_MS = 20_000;

export interface DnsAddress {
  host: string;
  port: number;
}

/** Rejects when nothing comes. */
export async function askUdp({ host, port }: DnsAddress, bytes: Buffer): Promise<Buffer> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.connect(port, host);
    await once(socket, 'connect');
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) });
    socket.send(bytes);
    const [message] = (await answer) as [Buffer];
    return message;
  } finally {
    socket.close();
  }
}

/** The answers to `messages`, sent at once and in pieces of `pieceBytes`, on one connection. */
export async function askTcp(
  { host, port }: DnsAddress,
  messages: readonly Buffer[],
  pieceBytes = 65_536,
): Promise<Buffer[]> {
  const socket = connect({ host, port, noDelay: true });
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no answer over TCP')));
  await once(socket, 'connect');
  const stream = Buffer.concat(
    messages.flatMap((message) => [Buffer.from([message.length >> 8, message.length & 255]), message]),
  );
  const reader = new WideReader();
  const read = (async () => {
    for await (const chunk of socket) {
      reader.push(chunk as Buffer);
      if (reader.messages.length >= messages.length) break;
    }
  })();
  for (let at = 0; at < stream.length; at += pieceBytes) {
    socket.write(stream.subarray(at, at + pieceBytes));
    if (stream.length > pieceBytes) await sleep(1);
  }
  await read;
  socket.destroy();
  return reader.messages;
}

/** Answers are longer than any query. */
class WideReader {
  readonly messages: Buffer[] = [];
  private rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    while (this.rest.length >= 2 && this.rest.length >= 2 + this.rest.readUInt16BE(0)) {
      const end = 2 + this.rest.readUInt16BE(0);
      this.messages.push(this.rest.subarray(2, end));
      this.rest = this.rest.subarray(end);
    }
  }
}

export async function ask(address: DnsAddress, name: string, type = 'A'): Promise<Said> {
  return decode(await askUdp(address, query(name, type, { udpSize: 1232 })));
}

/** What `dig` prints. */
export async function dig(program: string, { host, port }: DnsAddress, ...args: string[]): Promise<string> {
  const all = [`@${host}`, '-p', String(port), '+tries=1', '+time=20', ...args];
  return (await promisify(execFile)(program, all)).stdout;
}
