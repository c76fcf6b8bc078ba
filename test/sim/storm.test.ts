/**
 * Everything at once, by seeds: a bounded set each time, and as many more as are asked for (`SIM_SEEDS`, `SIM_FIRST_SEED`). A seed
 * that has failed once stays here.
 */
import { describe, expect, it } from 'vitest';
import { Storm } from '../support/sim/storm.ts';

const FIRST_SEED = Number(process.env.SIM_FIRST_SEED ?? 1);
const SEED_COUNT = Number(process.env.SIM_SEEDS ?? 60);
/** Of a seed, on a machine that is busy otherwise. */
const SEED_MS = 1000;
const FAILURES_MAX = 20;

/** @returns what went wrong, by seed */
function storms(seeds: Iterable<number>): string[] {
  const failures: string[] = [];
  for (const seed of seeds) {
    try {
      const wrong = new Storm(seed).run();
      if (wrong.length > 0) failures.push(`seed ${seed}: ${wrong.slice(0, 5).join('; ')}`);
    } catch (error) {
      failures.push(`seed ${seed}: ${(error as Error).stack}`);
    }
    if (failures.length >= FAILURES_MAX) break;
  }
  return failures;
}

function* range(first: number, count: number): Iterable<number> {
  for (let at = 0; at < count; at++) yield first + at;
}

describe('in a storm of everything', () => {
  it(
    `no octet is wrong, no flow hangs, nothing is left: ${SEED_COUNT} seeds from ${FIRST_SEED}`,
    () => {
      expect(storms(range(FIRST_SEED, SEED_COUNT))).toEqual([]);
    },
    60_000 + SEED_COUNT * SEED_MS,
  );

  it.each([
    ['an answer beside the one that was taken is not left open', 2271],
    ['a request that was sent twice reaches one backend', 38],
  ])('%s: seed %i', (_, seed) => {
    expect(storms([seed])).toEqual([]);
  });
});
