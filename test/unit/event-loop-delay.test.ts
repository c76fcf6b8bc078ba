/** The delay of the event loop that a router tells is that of late, and not of all its life. */
import { createHistogram } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { DELAY_SPAN_MS, EventLoopDelay } from '../../router/io/event-loop-delay.ts';

const MS = 1e6;

function recorded() {
  const delays = createHistogram();
  const delay = new EventLoopDelay(delays, 0);
  const late = (ms: number, count = 1) => {
    for (let i = 0; i < count; i++) delays.record(ms * MS);
  };
  const worstMs = (now: number) => Math.round(delay.read(now).maxSeconds * 1000);
  return { delay, late, worstMs };
}

describe('the delay of the event loop', () => {
  it('is that since the last scrape: a bad start is forgotten, and a bad hour after a good day is seen', () => {
    const { delay, late } = recorded();
    late(1000, 5);
    expect(delay.read(30_000).p99Seconds).toBeCloseTo(1, 1);
    late(20, 10_000);
    expect(delay.read(60_000).p99Seconds).toBeCloseTo(0.02, 2);
    late(20, 90);
    late(500, 10);
    const { p50Seconds, p99Seconds, maxSeconds } = delay.read(90_000);
    expect([p50Seconds, p99Seconds, maxSeconds].map((seconds) => seconds.toFixed(2))).toEqual(['0.02', '0.50', '0.50']);
  });

  it('is the same for two who scrape, one right after the other', () => {
    const { late, worstMs } = recorded();
    late(700);
    expect([worstMs(DELAY_SPAN_MS), worstMs(DELAY_SPAN_MS + 1)]).toEqual([700, 700]);
    late(20);
    expect([worstMs(DELAY_SPAN_MS + 1000), worstMs(2 * DELAY_SPAN_MS - 1)]).toEqual([20, 20]);
    late(300);
    expect([worstMs(2 * DELAY_SPAN_MS), worstMs(2 * DELAY_SPAN_MS)]).toEqual([300, 300]);
  });
});
