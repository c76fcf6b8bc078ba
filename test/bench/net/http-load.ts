/**
 * HTTP load over raw sockets, for machines without `wrk`: one request in flight per connection, answers recognised by
 * their known length. It costs several times what `wrk` costs, so figures of the two are not comparable.
 */
import type { Socket } from 'node:net';
import { connect } from '../../support/tcp.ts';
import { percentile } from './statistics.ts';

export interface HttpLoad {
  port: number;
  connections: number;
  seconds: number;
  /** A new connection for each request. */
  close: boolean;
}

export interface HttpResult {
  count: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

export async function runHttpLoad({ port, connections, seconds, close }: HttpLoad): Promise<HttpResult> {
  const request = Buffer.from(`GET ${close ? '/close' : '/'} HTTP/1.1\r\nHost: bench\r\n\r\n`);
  const timesMs: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const worker = async (): Promise<void> => {
    let socket: Socket | undefined;
    while (performance.now() < endMs) {
      const sentMs = performance.now();
      socket ??= await connect(port);
      socket.write(request);
      await answer(socket);
      timesMs.push(performance.now() - sentMs);
      if (close) {
        socket.destroy();
        socket = undefined;
      }
    }
    socket?.destroy();
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const perSecond = (timesMs.length * 1000) / (performance.now() - startMs);
  return { count: timesMs.length, perSecond, p50Ms: percentile(timesMs, 50), p99Ms: percentile(timesMs, 99) };
}

/** Resolves when one whole answer has come. */
function answer(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const stop = (settle: () => void): void => {
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.off('error', onError);
      settle();
    };
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const headEnd = text.indexOf('\r\n\r\n');
      if (headEnd < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (text.length >= headEnd + 4 + length) stop(resolve);
    };
    const onEnd = (): void => stop(() => reject(new Error('connection ended before the answer')));
    const onError = (error: Error): void => stop(() => reject(error));
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', onError);
  });
}
