/** Clients that are gone before the router comes to accept them, as many are when it is flooded. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { connect, echoServer, type Listening, reset } from '../support/tcp.ts';

const GONE_COUNT = 50;

const network = new LiveNetwork();
let west: LiveRouter;
let echo: Listening;
let port = 0;

beforeAll(async () => {
  west = await network.router('west');
  echo = await echoServer();
  network.offer(west, 'echo', echo.port);
  port = await network.publish(west, 'echo');
  await network.start();
  await network.accepting(port);
});
afterAll(async () => {
  await network.stop();
  await echo.close();
});

test('a client that has reset its connection before it is accepted costs no flow and no dial', async () => {
  const counted = async (name: string): Promise<number> => (await network.metrics(west))(name);
  await eventually('nothing is open', async () => (await counted('skuprt_router_flows_open')) === 0);
  const openedBefore = await counted('skuprt_router_flows_opened_total');
  const goneBefore = await counted('skuprt_router_clients_gone_total');
  // The system accepts for a process that stands still.
  network.processes.signal('west', 'SIGSTOP');
  for (let i = 0; i < GONE_COUNT; i++) reset(await connect(port));
  network.processes.signal('west', 'SIGCONT');
  const gone = async () => (await counted('skuprt_router_clients_gone_total')) - goneBefore;
  await eventually('all are accepted', async () => (await gone()) === GONE_COUNT);
  expect(await counted('skuprt_router_flows_opened_total')).toBe(openedBefore);
});
