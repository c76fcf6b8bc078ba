/** One try to reach another router: TCP, a proxy's tunnel where there is one, TLS where there is a profile. */
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type HttpProxy, requestTunnel } from './http-proxy.ts';

/** TCP answers within milliseconds or, when a first packet was lost, after a second. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

export interface DialTarget {
  host: string;
  port: number;
  family?: 4 | 6;
  proxy?: HttpProxy;
  tls?: ConnectionOptions;
  /** Until TCP has connected. */
  connectTimeoutMs: number;
  /** For the proxy, and for TLS; HANDSHAKE_TIMEOUT_MS when absent. */
  handshakeTimeoutMs?: number;
}

/** A socket that is connected, secured and not yet read; it may be destroyed already. @throws why it could not be had */
export async function dial(target: DialTarget, signal: AbortSignal): Promise<Socket> {
  const { host, port, family, proxy, tls, connectTimeoutMs, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = target;
  const first = { host: proxy?.host ?? host, port: proxy?.port ?? port, family, noDelay: true };
  const socket = tls && !proxy ? connectTls({ ...tls, ...first }) : connectTcp(first);
  const stop = (): void => void socket.destroy();
  // Errors may come between two steps: the next one finds the socket destroyed.
  socket.on('error', () => {});
  signal.addEventListener('abort', stop, { once: true });
  try {
    await happens(socket, connectTimeoutMs, (done) => socket.once('connect', done));
    if (!tls && !proxy) return socket;
    if (proxy)
      await happens(socket, handshakeTimeoutMs, (done, failed) =>
        requestTunnel(socket, target, proxy).then(done, failed),
      );
    if (!tls) return socket;
    const secure = proxy ? connectTls({ ...tls, socket }) : socket;
    secure.on('error', () => {});
    await happens(secure, handshakeTimeoutMs, (done) => secure.once('secureConnect', done));
    return secure;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function happens(
  socket: Socket,
  withinMs: number,
  start: (done: () => void, failed: (error: Error) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    const onError = (error: Error): void => {
      failure = error;
    };
    const onClose = (): void => over(failure ?? new Error('the other end closed the connection'));
    const late = (): void => over(new Error(`no answer within ${withinMs / 1000} s`));
    // A process that has been held up looks what has come before it says that nothing has.
    const timeout = setTimeout(() => setImmediate(late), withinMs);
    const over = (error: Error | undefined): void => {
      clearTimeout(timeout);
      socket.off('close', onClose);
      socket.off('error', onError);
      if (error === undefined) resolve();
      else reject(error);
    };
    socket.on('error', onError);
    socket.once('close', onClose);
    if (socket.destroyed) onClose();
    else start(() => over(undefined), over);
  });
}
