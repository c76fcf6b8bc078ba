/** Silence: heartbeats keep an idle link up, and a router that has stopped without a word is given up in time. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { connect, ending, type Listening, listen } from '../support/tcp.ts';

const IDLE_TIMEOUT_SECONDS = 2;

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
  await sleep(2.2 * IDLE_TIMEOUT_SECONDS * 1000);
  expect(await connections()).toBe(2);
  expect(network.processes.logOf('east')).not.toMatch(/link down|connection closed/);
});

test('a frozen router is given up after the idle time-out, its flows are reset, and it is welcome again', async () => {
  const client = await connect(port);
  await once(client, 'data');
  const ended = serverEnding!;
  const within = AbortSignal.timeout(2 * IDLE_TIMEOUT_SECONDS * 1000);
  network.processes.signal('west', 'SIGSTOP');
  expect(await ended).toBe('reset');
  expect(within.aborted).toBe(false);
  await eventually('its connections are gone', async () => (await connections()) === 0);
  const clientEnded = ending(client);
  network.processes.signal('west', 'SIGCONT');
  expect(await clientEnded).toBe('reset');
  await eventually('a new flow crosses', async () => {
    const again = await connect(port).catch(() => undefined);
    if (!again) return false;
    const answer = await Promise.race([once(again, 'data'), ending(again)]).catch(() => 'reset');
    again.destroy();
    return Array.isArray(answer);
  });
});
