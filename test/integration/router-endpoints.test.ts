/** A link with several endpoints, between real routers: what refuses, breaks or falls silent is left for another, and what works is kept. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Relay } from '../support/relay.ts';
import { linkEntities, RouterProcesses, tcpConnectorEntity, tcpListenerEntity } from '../support/router-process.ts';
import { connect, echoServer, type Listening, unusedPort } from '../support/tcp.ts';

const HOST = '127.0.0.1';
const processes = new RouterProcesses();
let echo: Listening;
let relays: [Relay, Relay];
let port = 0;

beforeAll(async () => {
  echo = await echoServer();
  const accepting = await unusedPort();
  relays = [await Relay.to(accepting), await Relay.to(accepting)];
  port = await unusedPort();
  processes.start('ours', 'east', [
    ...linkEntities({ role: 'accept', port: accepting }),
    tcpConnectorEntity('echo', echo.port),
  ]);
  relays[0].cut();
  const endpoints = `${HOST}:${relays[1].port}`;
  processes.start('ours', 'west', [
    ...linkEntities({ role: 'dial', port: relays[0].port, more: { endpoints } }),
    tcpListenerEntity('echo', port),
  ]);
});

afterAll(async () => {
  await processes.stop();
  for (const relay of relays) await relay.close();
  await echo.close();
});

async function isServed(): Promise<boolean> {
  const socket = await connect(port).catch(() => undefined);
  if (socket === undefined) return false;
  const answer = new Promise<boolean>((resolve) => {
    socket.once('data', () => resolve(true));
    socket.once('close', () => resolve(false));
    socket.on('error', () => {});
    setTimeout(() => resolve(false), 1000).unref();
  });
  socket.write('?');
  const isAnswered = await answer;
  socket.destroy();
  return isAnswered;
}

it('comes up by the second endpoint when the first refuses', async () => {
  await eventually('a client is served', isServed);
  expect(processes.logOf('west')).toContain('connector cannot connect');
});

it('goes back to the first when the second is gone', async () => {
  relays[0].mend();
  relays[1].cut();
  await eventually('a client is served', isServed);
});

it('leaves one that has fallen silent', async () => {
  relays[1].mend();
  relays[0].freeze();
  await eventually('a client is served', isServed);
});
