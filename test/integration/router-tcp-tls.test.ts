/** TLS at the edges of a network: tcpListeners and tcpConnectors with an sslProfile, cleartext streams between them. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect as connectTls, createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { connect, readAll, receivePattern, sendPattern } from '../support/tcp.ts';

const MIB = 1024 * 1024;

const network = new LiveNetwork();
let router: LiveRouter;
let backend: ReturnType<typeof createServer>;
/** What the clients of the backend asked for by SNI. */
const serverNames: (string | false)[] = [];
const ports = { tls: 0, unready: 0 };

beforeAll(async () => {
  router = await network.router('edge');
  const { caFile, certFile, keyFile } = router.certificates;
  backend = createServer(
    { cert: readFileSync(certFile), key: readFileSync(keyFile), allowHalfOpen: true },
    (socket) => {
      serverNames.push((socket as TLSSocket & { servername: string | false }).servername);
      socket.on('error', () => socket.destroy());
      socket.pipe(socket);
    },
  );
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const port = (backend.address() as AddressInfo).port;
  router.entities.push(
    ['sslProfile', { name: 'tls', caCertFile: caFile, certFile, privateKeyFile: keyFile }],
    ['sslProfile', { name: 'unready', caCertFile: '/nowhere/ca.crt' }],
    ['tcpConnector', { name: 'good', address: 'good', host: 'localhost', port, sslProfile: 'tls' }],
    ['tcpConnector', { name: 'unready', address: 'unready', host: '127.0.0.1', port, sslProfile: 'unready' }],
  );
  ports.tls = await network.publish(router, 'good');
  ports.unready = await network.publish(router, 'unready');
  const [, listener] = router.entities[router.entities.length - 2]!;
  router.entities[router.entities.length - 2] = [
    'tcpListener',
    { ...listener, sslProfile: 'tls', authenticatePeer: true },
  ];
  await network.start();
  await network.accepting(ports.tls);
  await network.accepting(ports.unready);
});
afterAll(async () => {
  await network.stop();
  backend.close();
});

async function client(): Promise<TLSSocket> {
  const { caFile, certFile, keyFile } = router.certificates;
  const files = { ca: readFileSync(caFile), cert: readFileSync(certFile), key: readFileSync(keyFile) };
  const socket = connectTls({ host: '127.0.0.1', port: ports.tls, ...files });
  await once(socket, 'secureConnect');
  return socket;
}

test('8 MiB come back through TLS on both sides, and each FIN stays one', async () => {
  const socket = await client();
  const received = receivePattern(socket);
  await sendPattern(socket, 8 * MIB);
  socket.end();
  expect(await received).toBe(8 * MIB);
  expect(serverNames).toContain('localhost');
});

test('many clients at once do not mix', async () => {
  const flow = async (index: number): Promise<string> => {
    const socket = await client();
    socket.end(`client ${index}`);
    return String(await readAll(socket));
  };
  const answers = await Promise.all(Array.from({ length: 30 }, (_, index) => flow(index)));
  expect(answers).toEqual(Array.from({ length: 30 }, (_, index) => `client ${index}`));
});

test('a client without a certificate is refused', async () => {
  const socket = connectTls({ host: '127.0.0.1', port: ports.tls, rejectUnauthorized: false });
  const [error] = await once(socket, 'error', { signal: AbortSignal.timeout(5000) }).catch((cause) => [cause]);
  expect(error.code).toMatch(/CERTIFICATE_REQUIRED|ECONNRESET/);
  await eventually('the log says why', () => /did not return a certificate/.test(network.processes.logOf('edge')));
  expect((await network.metrics(router))('skuprt_router_tls_handshakes_failed_total')).toBeGreaterThan(0);
});

test('a client and a backend that speak TLS 1.2 only', async () => {
  const { caFile, certFile, keyFile } = router.certificates;
  const [ca, cert, key] = [caFile, certFile, keyFile].map((file) => readFileSync(file));
  const socket = connectTls({ host: '127.0.0.1', port: ports.tls, ca, cert, key, maxVersion: 'TLSv1.2' });
  await once(socket, 'secureConnect');
  backend.setSecureContext({ cert, key, maxVersion: 'TLSv1.2' });
  socket.end('older');
  expect(String(await readAll(socket))).toBe('older');
  backend.setSecureContext({ cert, key });
});

test('a client that leaves in the middle of its handshake harms nobody', async () => {
  const half = await connect(ports.tls);
  half.write(Buffer.from([22, 3, 1, 2, 0]));
  half.destroy();
  const socket = await client();
  socket.end('still here');
  expect(String(await readAll(socket))).toBe('still here');
});

test('a connector whose certificates cannot be read resets its clients, says why, and harms nobody', async () => {
  await expect(
    (async () => {
      const socket = await connect(ports.unready);
      return readAll(socket);
    })(),
  ).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(network.processes.logOf('edge')).toContain('/nowhere/ca.crt');
  const socket = await client();
  socket.end('still here');
  expect(String(await readAll(socket))).toBe('still here');
});

test('counters do not go back when an entity is deleted', async () => {
  const opened = async (): Promise<number> => (await network.metrics(router))('skuprt_router_flows_opened_total');
  const before = await opened();
  expect(before).toBeGreaterThan(0);
  router.entities.splice(-2, 2);
  network.rewrite(router);
  await network.accepting(ports.tls, false);
  await eventually('no flow is left', async () => (await network.metrics(router))('skuprt_router_flows_open') === 0);
  expect(await opened()).toBeGreaterThanOrEqual(before);
});
