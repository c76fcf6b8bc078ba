/** The screen that output is read on, if it is one. */
import type { Surroundings } from '../context.ts';

/** In characters. A pipe or a file has no end: nothing is left out for a script. */
export function screenWidth({ stdout }: Pick<Surroundings, 'stdout'>): number {
  const { isTTY, columns = 80 } = stdout as { isTTY?: boolean; columns?: number };
  // Some terminals do not say how wide they are.
  return isTTY === true ? columns || 80 : Number.POSITIVE_INFINITY;
}
