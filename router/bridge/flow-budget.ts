/**
 * What this router holds for flows that have one of our routers at the other end too: octets that the other end has not
 * acknowledged, and octets that a socket has not taken yet. One number for the whole router, and a limit.
 *
 * It is no allocator: nothing fails when the limit is reached. Each flow's window is at most a share of what is free (the
 * dynamic threshold of shared-memory switches), so one flow alone may use much, many that stand still leave each other little, and a
 * part is always free for those that move. Below `FLOW_SHARE_BYTES_MIN` no share goes: a flow that may have nothing under way would
 * never move again.
 *
 * Invariant: `usedBytes` is the sum over all flows, and 0 when there is none.
 */
import {
  FLOW_MEMORY_BYTES_DEFAULT,
  FLOW_SHARE_BYTES_MIN,
  FLOW_WINDOW_BYTES,
  FLOW_WINDOW_BYTES_MAX,
} from '../core/limits.ts';

/** Of what is free, one flow may use so much. */
const SHARE_OF_FREE = 1 / 8;

export class FlowBudget {
  readonly limitBytes: number;
  usedBytes = 0;
  /** The most there has been. */
  peakBytes = 0;

  constructor(limitBytes: number = FLOW_MEMORY_BYTES_DEFAULT) {
    this.limitBytes = limitBytes;
  }

  /** A flow holds so many octets more. */
  take(sizeBytes: number): void {
    this.usedBytes += sizeBytes;
    if (this.usedBytes > this.peakBytes) this.peakBytes = this.usedBytes;
  }

  give(sizeBytes: number): void {
    this.usedBytes -= sizeBytes;
  }

  /** What one flow may hold now. */
  get shareBytes(): number {
    const shareBytes = (this.limitBytes - this.usedBytes) * SHARE_OF_FREE;
    if (shareBytes >= FLOW_WINDOW_BYTES_MAX) return FLOW_WINDOW_BYTES_MAX;
    return shareBytes > FLOW_SHARE_BYTES_MIN ? Math.floor(shareBytes) : FLOW_SHARE_BYTES_MIN;
  }

  /** Flows may have less than they have towards an original. */
  get tight(): boolean {
    return this.shareBytes < FLOW_WINDOW_BYTES;
  }

  get exhausted(): boolean {
    return this.usedBytes >= this.limitBytes;
  }
}
