/** What the scripts `load` and `flow` of ./pods tell. */

export interface Attempt {
  startedMs: number;
  tookMs: number;
  /** '' when it succeeded. */
  error: string;
}

export interface FlowReport {
  lines: number;
  longestMs: number;
  lost: string[];
}

export function attemptsOf(text: string): Attempt[] {
  const rows = JSON.parse(text) as [number, number, string][];
  return rows
    .map(([startedMs, tookMs, error]) => ({ startedMs, tookMs, error }))
    .sort((a, b) => a.startedMs - b.startedMs);
}

/** Of attempts that began at that time or later. */
export function failures(attempts: readonly Attempt[], sinceMs: number): Attempt[] {
  return attempts.filter(({ startedMs, error }) => startedMs >= sinceMs && error !== '');
}

/** The longest time in which nothing succeeded, between the first and the last success. */
export function longestGapMs(attempts: readonly Attempt[]): number {
  const ends = attempts.filter(({ error }) => error === '').map(({ startedMs, tookMs }) => startedMs + tookMs);
  ends.sort((a, b) => a - b);
  return Math.max(0, ...ends.slice(1).map((end, index) => end - ends[index]!));
}

/** From `sinceMs` until the end of the first success that is followed by no failure; undefined when the last one failed. */
export function recoveredAfterMs(attempts: readonly Attempt[], sinceMs: number): number | undefined {
  const lastFailure = attempts.findLast(({ startedMs, error }) => startedMs >= sinceMs && error !== '');
  if (lastFailure === undefined) return 0;
  const next = attempts.find(({ startedMs, error }) => startedMs > lastFailure.startedMs && error === '');
  return next === undefined ? undefined : next.startedMs + next.tookMs - sinceMs;
}
