/** Asks an HTTP proxy for a tunnel (RFC 9110, 9.3.6: CONNECT), before TLS and AMQP begin. */
import type { Socket } from 'node:net';
import { messageOf, SkuprtError } from '../../lib/errors.ts';
import { type ProxyProfileEntity, portNumber } from '../management/schema.ts';
import { secretText } from './secret-text.ts';

const ANSWER_BYTES_MAX = 16 * 1024;
const ANSWER_END = Buffer.from('\r\n\r\n');

export class ProxyError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_PROXY';
  readonly fault = 'environment';
}

export interface HttpProxy {
  host: string;
  port: number;
  username?: string;
  password?: string;
}

/** @throws ProxyError when the file with the password cannot be read */
export function proxyOf({ name, host, port, username, password }: ProxyProfileEntity): HttpProxy {
  try {
    return { host, port: portNumber(port), username, password: secretText(password) };
  } catch (error) {
    throw new ProxyError(`proxyProfile ${name}: password: ${messageOf(error)}`, {
      next: 'Check the path and its permissions',
      cause: error,
    });
  }
}

/**
 * Resolves when octets of the socket, which is connected to the proxy, reach the target. Nothing of them is read.
 * @throws ProxyError when the proxy refuses or answers no HTTP
 */
export async function requestTunnel(
  socket: Socket,
  target: { host: string; port: number },
  proxy: HttpProxy,
): Promise<void> {
  const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (proxy.username) {
    const credentials = Buffer.from(`${proxy.username}:${proxy.password ?? ''}`).toString('base64');
    lines.push(`Proxy-Authorization: Basic ${credentials}`);
  }
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const status = await readAnswer(socket, `proxy ${proxy.host}:${proxy.port}`);
  const [, code, reason] = /^HTTP\/1\.[01] ([0-9]{3}) ?([\x20-\x7e]*)$/.exec(status) ?? [];
  const who = `proxy ${proxy.host}:${proxy.port}`;
  if (code === undefined)
    throw new ProxyError(`${who} did not answer in HTTP`, { next: 'Check host and port of the proxyProfile' });
  if (code.startsWith('2')) return;
  throw new ProxyError(`${who} refused to connect to ${authority}: ${[code, reason].filter(Boolean).join(' ')}`, {
    next: code === '407' ? 'Check username and password of the proxyProfile' : 'Ask whoever runs the proxy to allow it',
  });
}

/** @returns the status line */
function readAnswer(socket: Socket, who: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const over = (): void => {
      socket.off('data', onData);
      socket.off('close', onClose);
      socket.pause();
    };
    const onClose = (): void => {
      over();
      reject(
        new ProxyError(`${who} closed the connection without an answer`, { next: 'Look into the log of the proxy' }),
      );
    };
    const onData = (bytes: Buffer): void => {
      answer = Buffer.concat([answer, bytes]);
      const end = answer.indexOf(ANSWER_END);
      if (end < 0 && answer.length <= ANSWER_BYTES_MAX) return;
      over();
      if (end < 0) {
        reject(new ProxyError(`${who} sent too long an answer`, { next: 'Check that it is an HTTP proxy' }));
        return;
      }
      const rest = answer.subarray(end + ANSWER_END.length);
      if (rest.length > 0) socket.unshift(rest);
      resolve(answer.subarray(0, answer.indexOf('\r\n')).toString('latin1'));
    };
    socket.on('data', onData);
    socket.on('close', onClose);
  });
}
