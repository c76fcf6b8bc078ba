/**
 * The state machine that learns of sites which speak only vanflow: no sockets, no clock (`now` in milliseconds comes in).
 *
 * Sources are known by their addresses in the router's table, at once, or where there is none, at the edge, by their beacons. Each is asked
 * to tell all that it has; from then on it tells what changes. A source that is silent for its lease, or whose address the router lost, is dropped
 * with everything it said.
 *
 * Everything is bounded: any router of the network can speak here.
 */
import { isDeepStrictEqual } from 'node:util';
import { addressesOf, type FlowEvent, type FlowMessage, flushOf } from './message.ts';
import { ATTRIBUTE, type FlowRecord } from './records.ts';

const DEFAULTS = {
  /** Heartbeats come every 2 s. */
  leaseMs: 30_000,
  /** Of a source from which nothing came yet. */
  firstLeaseMs: 60_000,
  /** How long an address may be away, as when paths change. */
  graceMs: 2000,
  /** Until something was heard: the first request may come before the other side knows that somebody listens. */
  flushAgainMs: 2000,
  /** After a lost connection: by then a source that was asked has told everything again. */
  retoldMs: 5000,
  sourceCountMax: 2048,
  recordCountMax: 20_000,
};

interface Source {
  heardAt: number | undefined;
  foundAt: number;
  flushedAt: number;
  /** It was asked after something was heard, so that the answer was heard too. */
  isAsked: boolean;
  wasInTable: boolean;
  /** Since when its address is not there. */
  lostAt: number | undefined;
  records: Map<string, FlowRecord>;
  /** After a lost connection: the records that were told again. */
  retold: Set<string> | undefined;
}

export class FlowCollector {
  private readonly options: typeof DEFAULTS;
  private readonly sources = new Map<string, Source>();
  private readonly outbox: FlowMessage[] = [];
  private ignored: ReadonlySet<string> = new Set();
  private isConnected = false;
  private revisionCount = 0;

  constructor(options: Partial<typeof DEFAULTS> = {}) {
    this.options = { ...DEFAULTS, ...options };
  }

  /** Grows whenever `records()` changes. */
  get revision(): number {
    return this.revisionCount;
  }

  records(): FlowRecord[] {
    return [...this.sources.values()].flatMap(({ records }) => [...records.values()]);
  }

  /** Where to listen. */
  addresses(): Set<string> {
    return new Set([...this.sources.keys()].flatMap(addressesOf));
  }

  /** Sources that are known better by other means. */
  ignore(ids: ReadonlySet<string>): void {
    this.ignored = ids;
    for (const id of this.sources.keys()) if (ids.has(id)) this.drop(id);
  }

  connected(now: number): void {
    this.isConnected = true;
    for (const source of this.sources.values()) {
      Object.assign(source, { heardAt: undefined, foundAt: now, flushedAt: now, isAsked: false });
      Object.assign(source, { wasInTable: false, lostAt: undefined, retold: new Set() });
    }
  }

  disconnected(): void {
    this.isConnected = false;
    this.outbox.length = 0;
  }

  /** The sources whose addresses the router knows now. */
  inTable(ids: ReadonlySet<string>, now: number): void {
    if (!this.isConnected) return;
    for (const id of ids) {
      const source = this.find(id, now);
      if (source !== undefined) Object.assign(source, { wasInTable: true, lostAt: undefined });
    }
    for (const [id, source] of this.sources) if (source.wasInTable && !ids.has(id)) source.lostAt ??= now;
  }

  receive(event: FlowEvent, now: number): void {
    if (!this.isConnected || event.type === 'flush') return;
    const source = this.find(event.id, now);
    if (source === undefined || event.type === 'beacon') return;
    source.heardAt = now;
    if (!source.isAsked) {
      source.isAsked = true;
      this.ask(event.id, source, now);
    }
    if (event.type === 'records') for (const record of event.records) this.note(source, record);
  }

  tick(now: number): void {
    if (!this.isConnected) return;
    for (const [id, source] of this.sources) {
      if (now >= this.endOf(source)) this.drop(id);
      else if (now >= this.nextAskOf(source)) this.ask(id, source, now);
      else if (now >= this.retoldAt(source)) this.keepRetold(source);
    }
  }

  /** When `tick` has to be called next. */
  deadline(): number {
    if (!this.isConnected) return Infinity;
    let deadline = Infinity;
    for (const source of this.sources.values()) {
      deadline = Math.min(deadline, this.endOf(source), this.nextAskOf(source), this.retoldAt(source));
    }
    return deadline;
  }

  nextMessage(): FlowMessage | undefined {
    return this.outbox.shift();
  }

  private find(id: string, now: number): Source | undefined {
    const known = this.sources.get(id);
    if (known !== undefined || this.ignored.has(id) || this.sources.size >= this.options.sourceCountMax) return known;
    const source: Source = {
      heardAt: undefined,
      foundAt: now,
      flushedAt: now,
      isAsked: false,
      wasInTable: false,
      lostAt: undefined,
      records: new Map(),
      retold: undefined,
    };
    this.sources.set(id, source);
    return source;
  }

  private ask(id: string, source: Source, now: number): void {
    source.flushedAt = now;
    this.outbox.push(flushOf(id));
  }

  private note({ records, retold }: Source, { type, id, attributes }: FlowRecord): void {
    const before = records.get(id);
    retold?.add(id);
    if (Number(attributes.get(ATTRIBUTE.endTime) ?? 0) > 0) {
      if (records.delete(id)) this.revisionCount += 1;
      return;
    }
    if (before === undefined && records.size >= this.options.recordCountMax) return;
    const merged = new Map([...(before?.attributes ?? []), ...attributes]);
    if (before !== undefined && before.type === type && isDeepStrictEqual(before.attributes, merged)) return;
    records.set(id, { type, id, attributes: merged });
    this.revisionCount += 1;
  }

  private keepRetold(source: Source): void {
    for (const id of source.records.keys()) {
      if (source.retold?.has(id) === false && source.records.delete(id)) this.revisionCount += 1;
    }
    source.retold = undefined;
  }

  private drop(id: string): void {
    const hadRecords = (this.sources.get(id)?.records.size ?? 0) > 0;
    this.sources.delete(id);
    if (hadRecords) this.revisionCount += 1;
  }

  private endOf({ heardAt, foundAt, lostAt }: Source): number {
    const { leaseMs, firstLeaseMs, graceMs } = this.options;
    const lease = heardAt === undefined ? foundAt + firstLeaseMs : heardAt + leaseMs;
    return Math.min(lease, lostAt === undefined ? Infinity : lostAt + graceMs);
  }

  private nextAskOf({ isAsked, flushedAt }: Source): number {
    return isAsked ? Infinity : flushedAt + this.options.flushAgainMs;
  }

  private retoldAt({ isAsked, flushedAt, retold }: Source): number {
    return isAsked && retold !== undefined ? flushedAt + this.options.retoldMs : Infinity;
  }
}
