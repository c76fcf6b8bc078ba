/** The conformance suite again, with TLS sockets on loopback between the engines. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import tls from 'node:tls';
import { afterAll, beforeAll } from 'vitest';
import { Connection } from '../../router/amqp/engine/connection.ts';
import { createCa, issueCertificate } from '../../site-controller/pki/authority.ts';
import { amqpConformance, type PairFactory } from '../support/amqp-conformance.ts';
import { Side } from '../support/amqp-pair.ts';
import { SocketDriver } from '../support/amqp-socket.ts';

const sasl = { mechanisms: ['EXTERNAL'], required: true } as const;
const validMs = 3_600_000;
const now = Date.now();
const ca = createCa({ commonName: 'test', validMs, now });
const leaf = issueCertificate({
  ca,
  subject: 'router',
  hosts: ['localhost'],
  usages: ['client', 'server'],
  validMs,
  now,
});
const identity = { ca: ca.certificate, cert: leaf.certificate, key: leaf.privateKey };

const server = tls.createServer({ ...identity, requestCert: true, minVersion: 'TLSv1.3' });
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.close();
});

const connect: PairFactory = async (options = {}) => {
  const accepted = once(server, 'secureConnection') as Promise<[tls.TLSSocket]>;
  const { port } = server.address() as AddressInfo;
  const socket = tls.connect({ ...identity, host: '127.0.0.1', port, servername: 'localhost' });
  const [peer] = await accepted;
  const at = performance.now();
  const a = new Side(new Connection({ role: 'initiator', containerId: 'a', sasl, ...options.initiator }, at));
  const b = new Side(new Connection({ role: 'acceptor', containerId: 'b', sasl, ...options.acceptor }, at));
  const drivers = [
    new SocketDriver(socket, a.connection, (event) => a.events.push(event)),
    new SocketDriver(peer, b.connection, (event) => b.events.push(event)),
  ];
  /** Quiet when each side has received all that the other has sent. */
  const quiet = (): boolean => {
    const [inA, outA] = [a.connection.stats.octetsIn, a.connection.stats.octetsOut];
    const [inB, outB] = [b.connection.stats.octetsIn, b.connection.stats.octetsOut];
    return inA === outB && inB === outA && !a.connection.wantsTransmit && !b.connection.wantsTransmit;
  };
  const run = async (): Promise<void> => {
    do {
      for (const driver of drivers) driver.flush();
      await turn();
    } while (!quiet());
  };
  a.connection.open();
  b.connection.open();
  await run();
  a.take('opened');
  b.take('opened');
  return {
    a,
    b,
    run,
    stop: () => {
      socket.destroy();
      peer.destroy();
    },
  };
};

amqpConformance('over TLS', connect);
