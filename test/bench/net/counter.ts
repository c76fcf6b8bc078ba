/** Counts checked pattern bytes with the time of the reading process, so that asking over a channel adds no error. */
import type { PatternChecker } from '../../support/pattern.ts';

export interface Snapshot {
  readonly byteCount: number;
  readonly atMs: number;
  /** The first wrong byte seen, if any. */
  readonly fault: string | undefined;
}

export class Counter {
  private byteCount = 0;
  private fault: string | undefined;

  accept(checker: PatternChecker, chunk: Buffer): void {
    this.byteCount += chunk.length;
    try {
      checker.accept(chunk);
    } catch (error) {
      this.fault ??= String(error);
    }
  }

  snapshot(): Snapshot {
    return { byteCount: this.byteCount, atMs: performance.now(), fault: this.fault };
  }
}

/** Bytes per second between two snapshots of one counter; throws when none came or they were not the ones sent. */
export function bytesPerSecond(before: Snapshot, after: Snapshot): number {
  if (after.fault !== undefined) throw new Error(`the bytes received are not the ones sent: ${after.fault}`);
  if (after.byteCount === before.byteCount) throw new Error('no bytes came');
  return ((after.byteCount - before.byteCount) * 1000) / (after.atMs - before.atMs);
}
