/** Silence: heartbeats keep an idle link up, and a router that has stopped without a word is given up in time. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { connect, ending, type Listening, listen } from '../support/tcp.ts';

const IDLE_TIMEOUT_SECONDS = 3;
/** Of links that say nothing of it. */
const USUAL_IDLE_TIMEOUT_SECONDS = 16;

const network = new LiveNetwork();
let east: LiveRouter;
let server: Listening;
let port = 0;
let serverEnding: Promise<string> | undefined;

beforeAll(async () => {
  east = await network.router('east');
  const west = await network.router('west');
  await network.link(west, east, { more: { idleTimeoutSeconds: IDLE_TIMEOUT_SECONDS } });
  server = await listen((socket) => {
    serverEnding = ending(socket);
    socket.write('hello');
    socket.on('end', () => socket.end());
  });
  network.offer(east, 'service', server.port);
  port = await network.publish(west, 'service');
  await network.start();
  await network.accepting(port);
  await eventually('the data connection is up too', async () => (await connections()) === 2);
});
afterAll(async () => {
  network.processes.signal('west', 'SIGCONT');
  await network.stop();
  await server.close();
});

async function connections(): Promise<number> {
  return (await network.metrics(east))('qdr_connections_total');
}

test('a link on which nothing happens stays up', async () => {
  // A machine that stalls for longer than the idle time has it lost; one whose ends say nothing loses it each time.
  await eventually('nothing happens to it', async () => {
    const before = network.processes.logOf('east').length;
    await sleep(2.2 * IDLE_TIMEOUT_SECONDS * 1000);
    const said = network.processes.logOf('east').slice(before);
    return (await connections()) === 2 && !/link down|connection closed/.test(said);
  });
});

async function crosses(): Promise<boolean> {
  const socket = await connect(port).catch(() => undefined);
  if (!socket) return false;
  const answer = await Promise.race([once(socket, 'data'), ending(socket)]).catch(() => 'reset');
  socket.destroy();
  return Array.isArray(answer);
}

test('a frozen router is given up by the idle time-out of its link; when it is back its flows go on', async () => {
  const client = await connect(port);
  await once(client, 'data');
  const within = AbortSignal.timeout(0.75 * USUAL_IDLE_TIMEOUT_SECONDS * 1000);
  network.processes.signal('west', 'SIGSTOP');
  // What is open is a connection too.
  await eventually('its link is gone', async () => (await connections()) === 1);
  expect(within.aborted).toBe(false);
  network.processes.signal('west', 'SIGCONT');
  await eventually('a new flow crosses', crosses);
  const atClient = ending(client);
  client.end();
  expect(await atClient).toBe('fin');
});

test('flows of a router that stays frozen are reset at both ends, and it is welcome again', async () => {
  const client = await connect(port);
  await once(client, 'data');
  const atServer = serverEnding!;
  network.processes.signal('west', 'SIGSTOP');
  expect(await atServer).toBe('reset');
  const atClient = ending(client);
  network.processes.signal('west', 'SIGCONT');
  expect(await atClient).toBe('reset');
  await eventually('a new flow crosses', crosses);
});
