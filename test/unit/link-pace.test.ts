import { describe, expect, it } from 'vitest';
import { LinkPace } from '../../router/amqp/engine/link-pace.ts';

describe('the pace of a link', () => {
  it('is what was settled in about five seconds, a second', () => {
    const pace = new LinkPace();
    for (let now = 10_000; now < 15_000; now += 100) pace.settled(now);
    expect(pace.settleRate(14_999)).toBe(10);
    expect(pace.settleRate(15_000)).toBe(10);
    expect(pace.settleRate(17_500)).toBe(5);
    expect(pace.settleRate(20_000)).toBe(0);
    expect(pace.settleRate(60_000)).toBe(0);
  });

  it('says since when there is no credit, from when it was used up', () => {
    const pace = new LinkPace();
    expect(pace.blockedSeconds(5000)).toBe(0);
    pace.credited(0, 5000);
    pace.credited(0, 6000);
    expect(pace.blockedSeconds(7500)).toBe(2);
    pace.credited(3, 8000);
    expect(pace.blockedSeconds(9000)).toBe(0);
  });
});
