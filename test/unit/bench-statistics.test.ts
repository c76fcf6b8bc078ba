import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../lib/random.ts';
import { medianInterval, spread } from '../bench/net/statistics.ts';

describe('the interval of a median', () => {
  it('holds the true one in about 95 of 100 samples, of a distribution with a long tail too', () => {
    const random = new SeededRandom(1);
    let held = 0;
    for (let run = 0; run < 1000; run++) {
      const [low, high] = medianInterval(Array.from({ length: 40 }, () => -Math.log(1 - random.next())));
      if (low <= Math.LN2 && Math.LN2 <= high) held++;
    }
    expect(held).toBeGreaterThan(930);
    expect(held).toBeLessThan(980);
  });

  it('is all that there is, of a few values', () => {
    expect(medianInterval([3, 1, 2])).toEqual([1, 3]);
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  });

  it('is not a number, of none', () => {
    expect(medianInterval([])).toEqual([Number.NaN, Number.NaN]);
  });
});
