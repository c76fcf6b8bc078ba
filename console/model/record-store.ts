/**
 * What sources have told of what there is, one record an identity. A record belongs to who told it first: no other source can change
 * it as long as that one is heard of.
 */
import { ATTRIBUTE, OWN_ATTRIBUTE, RECORD_TYPE } from '../../lib/vanflow.ts';
import { RECORD_COUNT_ALL_MAX, RECORD_COUNT_MAX } from './limits.ts';
import { CounterRate } from './rate.ts';
import { numberIn, numberOf, type ToldRecord, textOf, type Value } from './records.ts';

/** Counters change all the time: they are no news of what there is. */
const COUNTERS: ReadonlySet<number> = new Set([
  ATTRIBUTE.octets,
  ATTRIBUTE.octetsReverse,
  ATTRIBUTE.flowCount,
  ATTRIBUTE.linkCount,
  OWN_ATTRIBUTE.flowsOpen,
  OWN_ATTRIBUTE.flowsRefused,
  OWN_ATTRIBUTE.roundTrip,
]);
const KEPT_TYPES: ReadonlySet<number> = new Set([
  RECORD_TYPE.site,
  RECORD_TYPE.router,
  RECORD_TYPE.link,
  RECORD_TYPE.routerAccess,
  RECORD_TYPE.listener,
  RECORD_TYPE.connector,
]);

export class KeptRecord {
  readonly type: number;
  readonly id: string;
  readonly values = new Map<number, Value>();
  readonly octets = new CounterRate();
  readonly octetsBack = new CounterRate();
  readonly flows = new CounterRate();
  heardAt = 0;

  constructor(type: number, id: string) {
    this.type = type;
    this.id = id;
  }
}

/** When something was heard of a source, first and last. */
interface Heard {
  readonly firstAt: number;
  lastAt: number;
}

export class RecordStore {
  /** Grows with each change of what there is, which counters are not. */
  revision = 0;
  /** When something was not kept last, since there is too much. */
  leftOutAt = Number.NEGATIVE_INFINITY;
  private count = 0;
  private readonly sources = new Map<string, Map<string, KeptRecord>>();
  private readonly heardSources = new Map<string, Heard>();
  /** Routers that have been started again since: what they told before is over, though their lease is not. */
  private replaced: ReadonlySet<string> = new Set();
  private replacedRevision = -1;

  heard(source: string, now: number): void {
    const heard = this.heardSources.get(source);
    if (heard === undefined) this.heardSources.set(source, { firstAt: now, lastAt: now });
    else heard.lastAt = now;
    // It is there after all: two routers have one name.
    if (this.replaced.has(source)) this.revision++;
  }

  isHeardSince(source: string, at: number): boolean {
    return (this.heardSources.get(source)?.lastAt ?? Number.POSITIVE_INFINITY) > at;
  }

  isReplaced(source: string): boolean {
    return this.replacedSources().has(source);
  }

  tell(source: string, { type, id, values }: ToldRecord, now: number): KeptRecord | undefined {
    if (!KEPT_TYPES.has(type)) return undefined;
    const records = this.recordsOf(source);
    let record = records.get(id);
    if (numberOf(values, ATTRIBUTE.endTime) > 0) {
      if (record !== undefined) this.drop(records, id);
      return undefined;
    }
    if (record === undefined || record.type !== type) {
      if (record === undefined && (records.size >= RECORD_COUNT_MAX || this.count >= RECORD_COUNT_ALL_MAX)) {
        this.leftOutAt = now;
        return undefined;
      }
      if (record === undefined) this.count++;
      record = new KeptRecord(type, id);
      records.set(id, record);
      this.revision++;
    }
    record.heardAt = now;
    for (const [code, value] of values) {
      if (record.values.get(code) === value) continue;
      record.values.set(code, value);
      if (!COUNTERS.has(code)) this.revision++;
    }
    record.octets.read(numberIn(values, ATTRIBUTE.octets), now);
    record.octetsBack.read(numberIn(values, ATTRIBUTE.octetsReverse), now);
    record.flows.read(numberIn(values, ATTRIBUTE.flowCount), now);
    return record;
  }

  find(source: string, id: string): KeptRecord | undefined {
    return this.sources.get(source)?.get(id);
  }

  /** By identity, of the given kind; of several sources the first counts, and of a router that was started again what it tells now. */
  ofType(type: number): Map<string, KeptRecord> {
    const replaced = this.replacedSources();
    const found = new Map<string, KeptRecord>();
    for (const [source, records] of this.sources) {
      if (replaced.has(source)) continue;
      for (const record of records.values()) {
        if (record.type === type && !found.has(record.id)) found.set(record.id, record);
      }
    }
    return found;
  }

  forget(source: string): void {
    this.heardSources.delete(source);
    this.count -= this.sources.get(source)?.size ?? 0;
    if (this.sources.delete(source)) this.revision++;
  }

  /** Records that `source` has not told since `heardAt`. */
  forgetOlder(source: string, heardAt: number): void {
    const records = this.sources.get(source);
    if (records === undefined) return;
    for (const [id, record] of records) {
      if (record.heardAt < heardAt) this.drop(records, id);
    }
  }

  /** Of routers of one name only the latest is there, unless an earlier one was heard of since. */
  private replacedSources(): ReadonlySet<string> {
    if (this.replacedRevision === this.revision) return this.replaced;
    this.replacedRevision = this.revision;
    const byName = new Map<string, { source: string; heard: Heard }[]>();
    for (const [source, records] of this.sources) {
      // A router says of itself only what it is called.
      const own = records.get(source);
      const heard = this.heardSources.get(source);
      if (own === undefined || own.type !== RECORD_TYPE.router || heard === undefined) continue;
      const name = textOf(own.values, ATTRIBUTE.name);
      byName.set(name, [...(byName.get(name) ?? []), { source, heard }]);
    }
    const replaced = new Set<string>();
    for (const routers of byName.values()) {
      const latestAt = Math.max(...routers.map(({ heard }) => heard.firstAt));
      for (const { source, heard } of routers) if (heard.lastAt < latestAt) replaced.add(source);
    }
    this.replaced = replaced;
    return replaced;
  }

  private drop(records: Map<string, KeptRecord>, id: string): void {
    records.delete(id);
    this.count--;
    this.revision++;
  }

  private recordsOf(source: string): Map<string, KeptRecord> {
    let records = this.sources.get(source);
    if (records === undefined) {
      records = new Map();
      this.sources.set(source, records);
    }
    return records;
  }
}
