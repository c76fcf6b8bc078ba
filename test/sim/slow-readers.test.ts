/**
 * Hundreds of readers that never read, or read little: what their routers hold for them stays within the memory for flows, the routers in
 * between hold nothing, whoever reads goes on, and all is given back.
 */
import { expect, it } from 'vitest';
import { FLOW_SHARE_BYTES_MIN } from '../../router/core/limits.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { FLOW_MEMORY_BYTES } from '../support/sim/sim-router.ts';

const READER_COUNT = 200;
const NEVER = Number.POSITIVE_INFINITY;
/** What a socket hands over before it is stopped. */
const READ_BYTES = 64 * 1024;
/** Beyond the limit each has its least share, and one read that began within it. */
const HELD_BYTES_MAX = FLOW_MEMORY_BYTES + READER_COUNT * (FLOW_SHARE_BYTES_MIN + READ_BYTES);

it('200 readers that stop cost no more than the memory for flows, and those beside them go on', () => {
  const network = new RouterNetwork(7);
  for (const id of ['A', 'B', 'C']) network.addRouter(id);
  network.connect('A', 'B');
  network.connect('B', 'C');
  network.addService('bulk', ['C']);
  network.scheduler.runUntil(300);
  const plan = { answers: 'at once', requestBytes: 100, responseBytes: 2_000_000, clientPauseMs: NEVER } as const;
  const stalled = Array.from({ length: READER_COUNT }, () => network.startFlow('A', 'bulk', plan));
  network.scheduler.runFor(3000);
  const [sink, transit, source] = ['A', 'B', 'C'].map((id) => network.router(id).router);
  expect(stalled.every((client) => client?.isOver === false)).toBe(true);
  expect(sink!.bridge.budget.peakBytes).toBeGreaterThan(FLOW_MEMORY_BYTES / 2);
  expect(sink!.bridge.budget.peakBytes).toBeLessThan(HELD_BYTES_MAX);
  expect(source!.bridge.budget.peakBytes).toBeLessThan(HELD_BYTES_MAX);
  let waitingBytes = 0;
  for (const { ends } of transit!.peers.values()) {
    for (const { delivery } of ends) if ('queuedBytes' in delivery) waitingBytes += delivery.queuedBytes;
  }
  expect(waitingBytes).toBe(0);

  const moving = network.startFlow('A', 'bulk', { requestBytes: 100_000, responseBytes: 1_000_000 });
  network.scheduler.runFor(10_000);
  expect(moving?.isComplete).toBe(true);

  for (const { router } of [network.router('A'), network.router('C')]) {
    network.router(router.id).input(() => {
      for (const flow of [...router.bridge.flows.values()]) flow.reset();
    });
  }
  network.scheduler.runFor(15_000);
  expect([sink, source].map((router) => router!.bridge.budget.usedBytes)).toEqual([0, 0]);
});
