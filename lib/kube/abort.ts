/** Signals and waits that leave nothing behind: no listener, no timer. */
import { setMaxListeners } from 'node:events';

export interface Linked {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  /** Forgets the parent; to be called when what it guarded is over. */
  unlink(): void;
}

/** A signal that ends with `parent`, or on its own. */
export function linkedTo(parent: AbortSignal | undefined): Linked {
  const own = new AbortController();
  const onAbort = () => own.abort(parent?.reason);
  if (parent?.aborted) onAbort();
  else if (parent !== undefined) {
    // Dozens of watches and requests end with one process.
    setMaxListeners(0, parent);
    parent.addEventListener('abort', onAbort, { once: true });
  }
  return {
    signal: own.signal,
    abort: (reason) => own.abort(reason),
    unlink: () => parent?.removeEventListener('abort', onAbort),
  };
}

/** Resolves after `waitMs` or when `signal` aborts, whichever is first. */
export function pause(waitMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, waitMs);
    if (signal !== undefined) setMaxListeners(0, signal);
    signal?.addEventListener('abort', done, { once: true });
  });
}
