/** Waiting for a state that someone else brings about: bounded, visible, ended by Ctrl-C without undoing anything. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Context, inSpan } from './context.ts';
import { InterruptedError, TimedOutError } from './errors.ts';
import { withProgress } from './output/progress.ts';

/** Files are looked at more often than an API server is asked. */
const POLL_MS = { local: 50, kubernetes: 100 } as const;

/** The state is there, or what is still missing. A probe throws when it can never come. */
export type Probe<T> = { done: T } | { pending: string };

export interface WaitOptions {
  /** The state waited for, to go after "Waiting for". */
  what: string;
  timeoutMs: number;
  /** What goes on when the wait ends early, and where to look: a sentence. */
  afterwards: string;
}

/** @throws TimedOutError, InterruptedError, or what `probe` throws. */
export function waitFor<T>(context: Context, options: WaitOptions, probe: () => Promise<Probe<T>>): Promise<T> {
  return inSpan(context, 'wait', { 'skuprt.for': options.what }, () => untilDone(context, options, probe));
}

async function untilDone<T>(context: Context, options: WaitOptions, probe: () => Promise<Probe<T>>): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  return await withProgress(context, `Waiting for ${options.what}`, async (show) => {
    for (;;) {
      const state = await probe();
      if ('done' in state) return state.done;
      if (context.signal.aborted) {
        throw new InterruptedError(`Interrupted while waiting for ${options.what}`, { next: options.afterwards });
      }
      if (performance.now() >= deadline) {
        throw new TimedOutError(`Timed out waiting for ${options.what}: ${state.pending}`, {
          next: options.afterwards,
        });
      }
      show(`Waiting for ${options.what}: ${state.pending}`);
      // An abort only ends the sleep; the loop's next turn reports it.
      await sleep(POLL_MS[context.platform], undefined, { signal: context.signal }).catch(() => {});
    }
  });
}
