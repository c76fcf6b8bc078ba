/** Co-records that wait to be sent, by the source that they are for. */
import { CO_RECORD_PREFIX } from '../../../lib/vanflow.ts';
import type { CountedFlow } from '../../bridge/recorder.ts';
import { type CoKeeper, CoRecord, parseIdentity, sourceOf } from './co-records.ts';
import type { FlowRecord } from './flow-record.ts';
import { PENDING_COUNT_MAX, RECORDS_PER_MESSAGE } from './limits.ts';
import type { Messages } from './messages.ts';

export class CoOutbox implements CoKeeper {
  /** Flows that the listener's end hears nothing of from here, since too many waited. */
  leftOutCount = 0;
  private readonly waiting = new Map<string, CoRecord[]>();
  private waitingCount = 0;
  private readonly wake: () => void;

  /** @param wake something waits to be sent */
  constructor(wake: () => void) {
    this.wake = wake;
  }

  add(identity: string, connector: string, trace: readonly string[], flow: CountedFlow): CoRecord | undefined {
    if (this.waitingCount >= PENDING_COUNT_MAX) {
      this.leftOutCount++;
      return undefined;
    }
    return new CoRecord(identity, connector, trace, flow, this);
  }

  changed(record: CoRecord): void {
    if (record.queued || !record.isNews) return;
    record.queued = true;
    this.waitingCount++;
    const source = sourceOf(record.identity);
    const queue = this.waiting.get(source);
    if (queue) queue.push(record);
    else this.waiting.set(source, [record]);
    this.wake();
  }

  /** What is for this router's own flows needs no message. */
  handOver(source: string, find: (number: number) => FlowRecord | undefined): void {
    const own = this.waiting.get(source);
    if (own === undefined) return;
    this.waiting.delete(source);
    this.waitingCount -= own.length;
    for (const record of own) {
      record.queued = false;
      const flow = find(parseIdentity(record.identity)!.number);
      for (const [code, value] of record.takeValues()) flow?.told(code, value);
    }
  }

  next(messages: Messages): { to: string; message: Buffer } | undefined {
    for (const [source, queue] of this.waiting) {
      const to = `${CO_RECORD_PREFIX}${source}:0`;
      const message = messages.records(to);
      const batch = queue.splice(0, RECORDS_PER_MESSAGE);
      this.waitingCount -= batch.length;
      if (queue.length === 0) this.waiting.delete(source);
      for (const record of batch) {
        record.queued = false;
        record.write(message);
      }
      return { to, message: message.finish() };
    }
    return undefined;
  }
}
