/** Opens a listening socket and, while that fails, tries again: a port that is taken now may be free soon. */
import { Backoff } from '../../lib/backoff.ts';
import type { Logger } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';

const RETRY_INITIAL_MS = 250;
const RETRY_MAX_MS = 2000;

export interface Listening {
  /** Why it does not listen; undefined while it does. */
  readonly problem: string | undefined;
  /** Gives up or stops listening. */
  stop(): void;
}

/** @param open resolves once it listens; @param close undoes it */
export function keepListening(
  open: () => Promise<void>,
  close: () => void,
  parts: { log: Logger; random: Random; name: string },
): Listening {
  const backoff = new Backoff(parts.random, { initialMs: RETRY_INITIAL_MS, maxMs: RETRY_MAX_MS });
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const state = {
    problem: undefined as string | undefined,
    stop: (): void => {
      stopped = true;
      clearTimeout(timer);
      close();
    },
  };
  const attempt = (): void => {
    open().then(
      () => {
        state.problem = undefined;
        if (stopped) close();
      },
      (error: Error) => {
        if (state.problem !== error.message)
          parts.log.error({ err: error, name: parts.name }, 'cannot listen, trying again');
        state.problem = error.message;
        if (!stopped) timer = setTimeout(attempt, backoff.nextMs());
      },
    );
  };
  attempt();
  return state;
}
