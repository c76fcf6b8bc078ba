/** The question before something is removed. */
import { createInterface } from 'node:readline/promises';
import type { Context } from './context.ts';
import { InterruptedError, UsageError } from './errors.ts';

/** @throws UsageError where nobody can answer, InterruptedError when the answer is not yes */
export async function confirmDeletion(context: Context, what: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  if (!context.canAsk) {
    throw new UsageError(`Deleting ${what} must be confirmed, and nobody can be asked here`, { next: 'Add --yes' });
  }
  const lines = createInterface({ input: context.stdin, output: context.stderr });
  try {
    const answer = await lines.question(`Delete ${what}? [y/N] `, { signal: context.signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } catch (error) {
    if (!context.signal.aborted) throw error;
  } finally {
    lines.close();
  }
  throw new InterruptedError('Nothing was deleted');
}
