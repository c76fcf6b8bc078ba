/** What the benchmark of policies concludes from its turns. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../lib/random.ts';
import { changeOf, type Turn } from '../bench/policy/estimate.ts';
import { verdict } from '../bench/policy/report.ts';

const GENERATIONS = 4;
const PHASES = 3;
const ROUNDS = 10;
const CASES = ['none', 'few', 'all'] as const;

/** A machine whose speed changes from round to round, pairs that differ, turns that something disturbs: what policies cost is known. */
function measured(costPercent: number, random: SeededRandom): Turn[] {
  const turns: Turn[] = [];
  for (let generation = 0; generation < GENERATIONS; generation++) {
    const luck = CASES.map(() => 1 + 0.1 * random.next());
    for (let phase = 0; phase < PHASES; phase++) {
      for (let round = 0; round < ROUNDS; round++) {
        const machine = 1 + random.next();
        for (const [pair, speed] of luck.entries()) {
          const name = CASES[(pair + phase) % CASES.length]!;
          const disturbed = random.next() < 0.05 ? 2 : 1;
          const noise = 1 + 0.05 * (random.next() - 0.5);
          const cost = name === 'none' ? 1 : 1 + costPercent / 100;
          const cpuMs = speed * machine * disturbed * noise * cost;
          turns.push({ generation, phase, round, name, cpuMs, perSecond: 1000 / cpuMs });
        }
      }
    }
  }
  return turns;
}

describe('the cost of policies', () => {
  it('is found however pairs differ and the machine changes, and lies in the interval nearly always', () => {
    const random = new SeededRandom(3);
    let held = 0;
    for (let run = 0; run < 10; run++) {
      const change = changeOf(measured(2, random), { name: 'all', value: ({ cpuMs }) => cpuMs, draws: 300 }, random);
      expect(Math.abs(change.percent - 2)).toBeLessThan(3);
      if (change.low <= 2 && 2 <= change.high) held++;
    }
    expect(held).toBeGreaterThanOrEqual(8);
  });

  const enough = { generations: 4, connectionsOfTurn: 500 };

  it('is under the bound, over it, or not known', () => {
    expect(verdict({ percent: 1, low: -0.5, high: 2.9 }, enough)).toBe('yes');
    expect(verdict({ percent: 4, low: 3.1, high: 5 }, enough)).toBe('no');
    expect(verdict({ percent: 2, low: -1, high: 5 }, enough)).toMatch(/^not known/);
  });

  it('is not known of too few processes or connections, however narrow the interval is', () => {
    const clear = { percent: 1, low: 0.9, high: 1.1 };
    expect(verdict(clear, { ...enough, generations: 1 })).toMatch(/^not known/);
    expect(verdict(clear, { ...enough, connectionsOfTurn: 4 })).toMatch(/^not known/);
  });
});
