/**
 * Flows that were refused of late: they are over before anybody can look, so some are kept for a while, and told of to who begins to listen
 * or asks for everything.
 */
import type { Channel } from './channel.ts';
import type { FlowRecord } from './flow-record.ts';
import { REFUSED_COUNT_MAX, REFUSED_KEPT_MS } from './limits.ts';

export class RefusedFlows {
  /** In the order in which they ended. */
  private kept: { readonly record: FlowRecord; readonly until: number }[] = [];

  /** One that is over. */
  keep(record: FlowRecord, now: number): void {
    if (!record.isRefused) return;
    record.release();
    this.kept.push({ record, until: now + REFUSED_KEPT_MS });
    if (this.kept.length > REFUSED_COUNT_MAX) this.kept.shift();
  }

  /** All of them, whole. */
  tell(channel: Channel, now: number): void {
    this.kept = this.kept.filter(({ until }) => until > now);
    for (const { record } of this.kept) {
      record.forget();
      channel.offer(record);
    }
  }
}
