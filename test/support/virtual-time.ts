/** A virtual clock under everything that waits. To be undone by `vi.useRealTimers()`. */
import { vi } from 'vitest';

export function useVirtualTime(startMs: number): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: startMs });
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  // The queue of fake timers falls into disorder when one is refreshed in it.
  const start = (work: () => void, ms?: number): object => {
    let timer = set(work, ms);
    const handle = {
      ref: () => handle,
      unref: () => handle,
      hasRef: () => true,
      refresh: () => {
        clear(timer);
        timer = set(work, ms);
        return handle;
      },
      [Symbol.toPrimitive]: () => Number(timer),
    };
    return handle;
  };
  globalThis.setTimeout = start as unknown as typeof setTimeout;
}
