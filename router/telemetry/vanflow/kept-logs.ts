/**
 * Warnings and errors of the log, kept for a while: who looks later, and asks for everything, is told of them too. Each module has its
 * own place, so that one that says much hides nothing of another, such as what a policy in dry run would have refused.
 */
import type { Channel } from './channel.ts';
import { LOG_KEPT_COUNT_MAX, LOG_KEPT_MS } from './limits.ts';
import type { TableRecord } from './told.ts';

interface Kept {
  readonly record: TableRecord;
  readonly until: number;
}

export class KeptLogs {
  /** In the order in which they came. */
  private readonly modules = new Map<string, Kept[]>();

  keep(module: string, record: TableRecord, now: number): void {
    const kept = this.modules.get(module) ?? [];
    this.modules.set(module, kept);
    kept.push({ record, until: now + LOG_KEPT_MS });
    if (kept.length > LOG_KEPT_COUNT_MAX) kept.shift();
  }

  /** All of them, whole. */
  tell(channel: Channel, now: number): void {
    for (const [module, before] of this.modules) {
      const kept = before.filter(({ until }) => until > now);
      if (kept.length > 0) this.modules.set(module, kept);
      else this.modules.delete(module);
      for (const { record } of kept) {
        record.forget();
        channel.offer(record);
      }
    }
  }
}
