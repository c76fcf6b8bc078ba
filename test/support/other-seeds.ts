/**
 * Seeds are fixed, so that a test does today what it did yesterday; `SEED=7` shifts all of them, those of `SeededRandom` and those
 * of fast-check, and `RUNS=20` lets fast-check try twenty times as often. Set up by vitest.config.ts when one of them is there.
 */
import type { Parameters } from 'fast-check';
import { beforeEach, vi } from 'vitest';

const { shift, times } = vi.hoisted(() => {
  const { SEED = '0', RUNS = '1' } = process.env;
  if (!/^\d{1,9}$/.test(SEED)) throw new Error(`SEED is to be a whole number, not ${SEED}`);
  // Without runs nothing fails.
  if (!/^[1-9]\d{0,5}$/.test(RUNS)) throw new Error(`RUNS is to be a whole number above 0, not ${RUNS}`);
  return { shift: Number(SEED), times: Number(RUNS) };
});

/** What fast-check does on its own. */
const NUM_RUNS = 100;

vi.mock(import('../../lib/random.ts'), async (importOriginal) => {
  const original = await importOriginal();
  class SeededRandom extends original.SeededRandom {
    constructor(seed: number) {
      // Seeds near each other, as tests have them, stay apart for all shifts.
      super(seed ^ Math.imul(shift, 0x85ebca6b));
    }
  }
  return { ...original, SeededRandom };
});

vi.mock(import('fast-check'), async (importOriginal) => {
  const original = await importOriginal();
  const assert = ((property: never, parameters: Parameters = {}) => {
    const { seed = 0, numRuns = NUM_RUNS } = parameters;
    return original.assert(property, { ...parameters, seed: seed + shift, numRuns: numRuns * times });
  }) as typeof original.assert;
  return { ...original, assert, default: { ...original.default, assert } };
});

beforeEach(({ onTestFailed, task: { file } }) => {
  onTestFailed(() => {
    process.stderr.write(`Again: SEED=${shift} RUNS=${times} npm run test:${file.projectName} -- ${file.name}\n`);
  });
});
