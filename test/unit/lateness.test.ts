import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchLateness } from '../support/lateness.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('counts what timers come late, and no time that passes as it should', () => {
  let stolenMs = 0;
  const end = watchLateness(() => performance.now() + stolenMs);
  vi.advanceTimersByTime(1000);
  stolenMs = 700;
  vi.advanceTimersByTime(1000);
  stolenMs += 300;
  expect(end()).toBeCloseTo(1000, -2);
});

it('of a machine that is in time it is nothing', () => {
  const end = watchLateness();
  vi.advanceTimersByTime(10_000);
  expect(end()).toBeLessThan(1);
});
