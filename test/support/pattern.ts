/**
 * Bytes that depend on their position: a source and a sink agree on them without sharing anything, so a byte that is
 * lost, doubled, moved or changed on the way shows at once.
 *
 * The period is prime, so a block of any usual size lost or doubled does not fall back into step.
 */
import { SeededRandom } from '../../lib/random.ts';

const PERIOD_BYTES = 262_139;
/** The longest view `patternAt` gives. */
const PATTERN_VIEW_BYTES_MAX = 262_144;

const table = Buffer.alloc(PERIOD_BYTES + PATTERN_VIEW_BYTES_MAX);
const random = new SeededRandom(1);
for (let i = 0; i < PERIOD_BYTES; i++) table[i] = random.next() * 256;
table.copy(table, PERIOD_BYTES, 0, PATTERN_VIEW_BYTES_MAX);

/** The pattern bytes from `position` on, `length` or as many as one view has: not to be written to. */
export function patternAt(position: number, length: number): Buffer {
  const start = position % PERIOD_BYTES;
  return table.subarray(start, start + Math.min(length, PATTERN_VIEW_BYTES_MAX));
}

/** Follows a received pattern from position 0 on. */
export class PatternChecker {
  position = 0;

  /** Throws with the position of the first byte that is not the expected one. */
  accept(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      const expected = patternAt(this.position, rest.length);
      const piece = rest.subarray(0, expected.length);
      if (!piece.equals(expected)) throw new Error(`wrong byte at ${this.position + firstDifference(piece, expected)}`);
      this.position += piece.length;
      rest = rest.subarray(piece.length);
    }
  }
}

function firstDifference(a: Buffer, b: Buffer): number {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return i;
}
