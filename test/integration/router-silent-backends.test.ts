/** Backends that do not answer, with real sockets: clients are served by another within its time, and the backend that returns gets flows again. */
import { connect as dial } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { type SilentBackend, silentBackend } from '../support/silent-backend.ts';
import { type Listening, listen } from '../support/tcp.ts';

const network = new LiveNetwork();
const backends: Listening[] = [];
const gone = [await silentBackend(), await silentBackend()].filter((each) => each !== undefined);
let near: LiveRouter;
let port = 0;
let lonePort = 0;

/** Of a client whom nobody serves. How long one waits whom somebody does, on a virtual clock: test/sim/dial-patience.test.ts. */
const CLIENT_TIMEOUT_MS = 20_000;

async function backend(name: string, at?: number): Promise<Listening> {
  const listening = await listen((socket) => socket.end(name), at);
  backends.push(listening);
  return listening;
}

/** The name of the backend that a client reaches. */
async function reached(at = port): Promise<string> {
  const socket = dial({ host: '127.0.0.1', port: at, allowHalfOpen: true });
  socket.on('error', () => {});
  socket.setTimeout(CLIENT_TIMEOUT_MS, () => socket.destroy());
  const name = await text(socket).catch(() => 'none');
  socket.end();
  return name;
}

/** Whether its router has said so. */
function isPassedOver(connector: string): boolean {
  const lines = network.processes.logOf('near').split('\n');
  return lines.some((line) => line.includes('backend is not reached: passed over') && line.includes(`"${connector}"`));
}

/** Too few silent ones: this system answers to what exceeds a full queue, so nothing can be shown here. */
const canBeSilent = gone.length === 2;

beforeAll(async () => {
  if (!canBeSilent) return;
  const front = await network.router('front');
  near = await network.router('near');
  const far = await network.router('far');
  await network.link(front, near);
  await network.link(front, far);
  for (const [i, { port: silent }] of gone.entries()) network.offer(near, 'service', silent, `gone-${i}`);
  network.offer(near, 'lone', gone[0]!.port, 'lone');
  network.offer(far, 'service', (await backend('far')).port);
  port = await network.publish(front, 'service');
  lonePort = await network.publish(front, 'lone');
  await network.start();
  await network.accepting(port);
  await network.accepting(lonePort);
});
afterAll(async () => {
  await network.stop();
  for (const listening of backends) await listening.close();
  for (const silent of gone) await silent.stop();
});

describe.skipIf(!canBeSilent)('backends that do not answer', () => {
  test('delay a few clients, and fail none, while another site has a sound one', async () => {
    await eventually('both routers are known, and both backends have been tried', async () => {
      await reached();
      return gone.every((_, i) => isPassedOver(`gone-${i}`));
    });
    const unanswered = async () => (await network.metrics(near))('skuprt_router_dials_unanswered_total');
    const before = await unanswered();
    expect(before).toBeGreaterThanOrEqual(2);
    for (let i = 0; i < 40; i++) expect(await reached()).toBe('far');
    // At most one flow finds out for each of the two, and once more when a slow machine had them tried again.
    expect((await unanswered()) - before).toBeLessThanOrEqual(4);
  });

  test('get flows again when they have returned', async () => {
    const [silent] = gone as [SilentBackend, SilentBackend];
    await silent.stop();
    await backend('returned', silent.port);
    await eventually('the backend is used', async () => (await reached()) === 'returned', 45_000);
    expect(network.processes.logOf('near')).toContain('backend is reached again');
    const names = new Set<string>();
    for (let i = 0; i < 30; i++) names.add(await reached());
    expect(names).toContain('returned');
    expect(await reached(lonePort)).toBe('returned');
  });
});
