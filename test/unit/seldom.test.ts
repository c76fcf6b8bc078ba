/** What is told at once, and then at most once in a while. */
import { describe, expect, it } from 'vitest';
import { Seldom } from '../../lib/seldom.ts';

describe('seldom', () => {
  it('tells the first at once, then none until the interval is over', () => {
    const seldom = new Seldom(10_000);
    expect(seldom.tell(500)).toBe(0);
    expect(seldom.tell(501)).toBeUndefined();
    expect(seldom.tell(10_499)).toBeUndefined();
  });

  it('says how many were kept back since the last that was told', () => {
    const seldom = new Seldom(10_000);
    seldom.tell(0);
    seldom.tell(1);
    seldom.tell(2);
    expect(seldom.tell(10_000)).toBe(2);
    expect(seldom.tell(20_000)).toBe(0);
  });
});
