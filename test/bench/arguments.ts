/** What the command lines of the suites have in common: a mistake is a UsageError, with the usage of the suite. */
import { UsageError } from './usage-error.ts';

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
