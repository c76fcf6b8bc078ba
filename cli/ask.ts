/** Questions that only a person at a terminal can answer. */
import { createInterface } from 'node:readline/promises';
import type { Context } from './context.ts';
import { InterruptedError, UsageError } from './errors.ts';

/** The question before something is removed. @throws UsageError where nobody can answer, InterruptedError when the answer is not yes */
export async function confirmDeletion(context: Context, what: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  if (!context.canAsk) {
    throw new UsageError(`Deleting ${what} must be confirmed, and nobody can be asked here`, { next: 'Add --yes' });
  }
  if (!(await isAnswerYes(context, `Delete ${what}? [y/N] `)))
    throw new InterruptedError('Nothing was deleted', { next: 'Answer y, or give --yes' });
}

/** An answer that is cut off by Ctrl-C is no. */
export async function isAnswerYes(context: Context, question: string): Promise<boolean> {
  const lines = createInterface({ input: context.stdin, output: context.stderr });
  try {
    const answer = await lines.question(question, { signal: context.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (!context.signal.aborted) throw error;
    return false;
  } finally {
    lines.close();
  }
}
