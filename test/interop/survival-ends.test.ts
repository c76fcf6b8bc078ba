/** Open connections that have an original at one end end with their way: at once, at both ends, and nobody waits for them. */
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { originalRouter } from '../support/original-router.ts';
import type { Kind } from '../support/router-process.ts';
import { type Listening, listen } from '../support/tcp.ts';
import { EchoFlow } from './echo-flow.ts';
import { READY_MS_MAX, START_MS_MAX } from './network.ts';

const FLOW_COUNT = 10;
/** Far more than anything takes here. */
const PAUSE_SECONDS = '60';
const RESET_MS_MAX = 20_000;

const SHAPES: readonly { readonly client: Kind; readonly transit: Kind; readonly server: Kind }[] = [
  { client: 'ours', transit: 'ours', server: 'original' },
  { client: 'original', transit: 'ours', server: 'ours' },
  { client: 'ours', transit: 'original', server: 'original' },
  { client: 'original', transit: 'original', server: 'ours' },
];

describe.runIf(originalRouter).each(SHAPES)('a client at $client, $transit between, a server at $server', (shape) => {
  const network = new LiveNetwork();
  const atServer = new Set<Socket>();
  let backend: Listening;
  let near: LiveRouter;
  let far: LiveRouter;
  let port = 0;

  beforeAll(async () => {
    process.env.SKUPRT_FLOW_PAUSE_SECONDS = PAUSE_SECONDS;
    backend = await listen((socket) => {
      socket.once('data', () => atServer.add(socket));
      socket.once('close', () => atServer.delete(socket));
      socket.pipe(socket);
    });
    near = await network.router('near', 'interior', shape.client);
    far = await network.router('far', 'interior', shape.server);
    const transit = await network.router('transit', 'interior', shape.transit);
    await network.link(near, transit);
    await network.link(far, transit);
    port = await network.publish(near, 'echo');
    network.offer(far, 'echo', backend.port);
    await network.start();
    await network.accepting(port, true, READY_MS_MAX);
  }, START_MS_MAX);
  afterAll(async () => {
    await network.stop();
    await backend?.close();
  });

  test('are reset at both ends when what is between is killed, and new ones come when it is back', async () => {
    const open = () => EchoFlow.open(port, READY_MS_MAX, () => network.evidence());
    const flows = await Promise.all(Array.from({ length: FLOW_COUNT }, open));
    expect(atServer.size).toBeGreaterThanOrEqual(FLOW_COUNT);
    network.processes.kill('transit');
    const states = () => `${flows.map(({ state }) => state).join(', ')}; ${atServer.size} at the server`;
    const areOver = () => atServer.size === 0 && flows.every(({ ended }) => ended);
    await eventually(() => `all are over: ${states()}\n${network.evidence()}`, areOver, RESET_MS_MAX);
    // The original ends its clients with FIN.
    if (shape.client === 'ours') expect(new Set(flows.map(({ ended }) => ended))).toEqual(new Set(['reset']));
    const metric = await network.metrics(shape.client === 'ours' ? near : far);
    expect(metric('skuprt_router_flow_ways_lost_total')).toBe(0);
    expect(metric('skuprt_router_flows_open')).toBe(0);
    await network.processes.ended('transit');
    await network.start('transit');
    (await open()).socket.destroy();
  });
});
