/** How often a router is asked for its state. */
import { expect, it } from 'vitest';
import { pollWaitMs } from '../../lib/router-client/poller.ts';

it('asks most closely right after a change, then less, and each second at rest', () => {
  const waits = [0, 499, 500, 2999, 3000, Number.POSITIVE_INFINITY].map((ageMs) => pollWaitMs(ageMs, 5));
  expect(waits).toEqual([40, 40, 100, 100, 1000, 1000]);
});

it('leaves a router that is slow to answer as much time as it took, up to what it has later', () => {
  expect([5, 70, 400].map((readMs) => pollWaitMs(0, readMs))).toEqual([40, 70, 100]);
});
