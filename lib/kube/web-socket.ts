/** A WebSocket to an API server, with its credentials. The library is loaded when it is needed: few commands do. */
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { connectionError } from './errors.ts';
import { PortForwardError } from './port-forward.ts';
import type { Access } from './transport.ts';

const HANDSHAKE_MS = 15_000;
/** For the other side to agree to an end. An API server that is busy may never do; what was to be said has been said. */
const CLOSE_MS = 1000;
const ANSWER_LENGTH_MAX = 4096;

export interface WebSocketTarget extends Access {
  url: string;
  protocol: string;
  /** For messages. */
  server: string;
}

/** Open and paused. @throws PortForwardError when the server refuses, ApiUnreachableError */
export async function openWebSocket({ url, protocol, server, agent, headers }: WebSocketTarget): Promise<WebSocket> {
  const { WebSocket: Client } = await import('ws');
  // Its types do not name the last one.
  const options = { agent, headers, handshakeTimeout: HANDSHAKE_MS, closeTimeout: CLOSE_MS };
  return await new Promise((resolve, reject) => {
    const socket = new Client(url, protocol, options);
    socket.once('open', () => {
      socket.off('error', fail);
      // What came along with the answer waits until somebody listens.
      socket.pause();
      resolve(socket);
    });
    const fail = (error: Error) => reject(connectionError(server, error));
    socket.once('error', fail);
    socket.once('unexpected-response', (request, answer) => {
      void refusalOf(answer).then((error) => {
        request.destroy();
        reject(error);
      });
    });
  });
}

async function refusalOf(answer: IncomingMessage): Promise<PortForwardError> {
  let text = '';
  for await (const piece of answer) {
    text += String(piece);
    if (text.length > ANSWER_LENGTH_MAX) break;
  }
  const said = messageIn(text);
  const isForbidden = answer.statusCode === 403;
  return new PortForwardError(
    `the API server refuses to forward a port (status ${answer.statusCode})${said && `: ${said}`}`,
    {
      ...(isForbidden && { next: 'Ask for the rights to get and create pods/portforward in the namespace' }),
    },
  );
}

function messageIn(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: unknown }).message ?? '');
  } catch {
    return text.trim();
  }
}
