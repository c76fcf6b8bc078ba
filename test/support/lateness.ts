/**
 * How much of a time the machine kept from this process: how late its timers came, added up. What is asked of a product within seconds is
 * asked of it on a machine that gives it the processor; so a test may wait longer by what itself, with nothing to do, was late. What the
 * product is slow at by itself, in other processes, does not count.
 */

const TICK_MS = 10;

/** Runs from now on. @returns what ends it, and answers how late all was together, milliseconds */
export function watchLateness(now: () => number = () => performance.now()): () => number {
  let lateMs = 0;
  let lastMs = now();
  const look = (): void => {
    const nowMs = now();
    lateMs += Math.max(0, nowMs - lastMs - TICK_MS);
    lastMs = nowMs;
  };
  const timer = setInterval(look, TICK_MS);
  return () => {
    clearInterval(timer);
    look();
    return lateMs;
  };
}
