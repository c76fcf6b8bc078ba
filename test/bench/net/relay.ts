/**
 * The floor: what Node costs when nothing but TLS is between two sockets. One end of the pair in each process:
 * `relay.ts accept|dial LISTEN_PORT TARGET_PORT CA CERT KEY`; `accept` takes TLS and dials TCP, `dial` the other way.
 */
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';

const [role = '', listenPort = '', targetPort = '', caFile = '', certFile = '', keyFile = ''] = process.argv.slice(2);
const credentials = { ca: readFileSync(caFile), cert: readFileSync(certFile), key: readFileSync(keyFile) };
const host = '127.0.0.1';
const target = { host, port: Number(targetPort), allowHalfOpen: true, noDelay: true };

function join(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroySoon());
  }
}

const server =
  role === 'accept'
    ? createTlsServer(
        { ...credentials, requestCert: true, rejectUnauthorized: true, allowHalfOpen: true, noDelay: true },
        (socket) => join(socket, connect(target)),
      )
    : createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        join(socket, connectTls({ ...credentials, ...target, servername: 'localhost' })),
      );
server.listen({ host, port: Number(listenPort), backlog: 4096 });
