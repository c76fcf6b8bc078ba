/**
 * One port for TLS and for what is not: a TLS server lets connections that do not begin with a TLS handshake through to another
 * handler, as skupper-router does where `requireSsl` is no (wire reference 1.1). The octets looked at are put back.
 */
import type { Socket } from 'node:net';
import type { Server as TlsServer } from 'node:tls';

/** Content type of a TLS record that begins a handshake (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 0x16;

/** @param plain takes a connection without TLS, not yet read */
export function servePlainToo(server: TlsServer, plain: (socket: Socket) => void): void {
  const secure = server.listeners('connection') as ((this: TlsServer, socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket) => {
    const ignored = (): void => {};
    socket.on('error', ignored);
    const look = (): void => {
      const first: Buffer | null = socket.read();
      if (first === null) return;
      socket.off('readable', look);
      socket.unshift(first);
      socket.off('error', ignored);
      if (first[0] !== TLS_HANDSHAKE) plain(socket);
      else for (const listener of secure) listener.call(server, socket);
    };
    socket.on('readable', look);
    // Who says nothing and ends has nothing to be told.
    socket.on('end', () => socket.end());
  });
}
