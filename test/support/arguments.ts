/** What the command lines of benchmarks, chaos and soak have in common: a mistake is a UsageError, with the usage of the program. */

/** A mistake on the command line; the usage goes with its message. */
export class UsageError extends Error {}

/** What `parseThem` finds. @throws UsageError */
export function parsed<T>(parseThem: () => T): T {
  try {
    return parseThem();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** @throws UsageError when the text is no integer from `min` to `max` */
export function count(name: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new UsageError(`${name}: a number from ${min} to ${max}`);
  }
  return value;
}

/** @throws UsageError when the text is no number of `min` or more */
export function atLeast(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < min) throw new UsageError(`--${name} is a number, ${min} or more`);
  return value;
}
