/**
 * The flows that are told of, and the requests in them. A fifth of them has its turn in each step; those that are over
 * leave once they are told, or at once when nobody listens.
 */
import type { ListenerNote, ListenerSide } from '../../bridge/recorder.ts';
import type { ExchangeSink, HttpExchange } from '../../observer/observer.ts';
import type { Channel } from './channel.ts';
import { type FlowKeeper, FlowRecord } from './flow-record.ts';
import { PENDING_COUNT_MAX, PENDING_COUNT_RESUME, SLOT_COUNT } from './limits.ts';
import { RefusedFlows } from './refused-flows.ts';
import { RequestRecord } from './request-record.ts';

export interface FlowBookParts {
  source: string;
  owner: Pick<FlowKeeper, 'now' | 'micros' | 'idOf'> & { readonly areFlowsHeard: boolean };
  nextNumber(): number;
}

export class FlowBook implements FlowKeeper {
  /** Flows and requests that were not told of, since too many waited. */
  leftOutCount = 0;
  private readonly parts: FlowBookParts;
  private readonly slots: Map<number, FlowRecord | RequestRecord>[] = [];
  private readonly refused = new RefusedFlows();
  /** Over, and not told. */
  private pendingCount = 0;
  private isFull = false;

  constructor(parts: FlowBookParts) {
    this.parts = parts;
    for (let slot = 0; slot < SLOT_COUNT; slot++) this.slots.push(new Map());
  }

  accepted(flow: ListenerSide): ListenerNote | undefined {
    if (this.suppressed) return undefined;
    const number = this.parts.nextNumber();
    const record = new FlowRecord(number, `${this.parts.source}:${number}`, flow, this);
    this.slotOf(number).set(number, record);
    return record;
  }

  find(number: number): FlowRecord | undefined {
    const record = this.slotOf(number).get(number);
    return record instanceof FlowRecord ? record : undefined;
  }

  *all(): Iterable<FlowRecord | RequestRecord> {
    for (const slot of this.slots) yield* slot.values();
  }

  get count(): number {
    return this.slots.reduce((count, { size }) => count + size, 0);
  }

  /** Something is over and waits. */
  get isWaiting(): boolean {
    return this.pendingCount > 0;
  }

  /** The turn of a fifth of them. */
  step(slot: number, channel: Channel): void {
    const records = this.slots[slot]!;
    const { isHeard } = channel;
    const { now } = this;
    for (const [number, record] of records) {
      if (record.isEnded && (!isHeard || record.isComplete(now))) {
        records.delete(number);
        this.pendingCount--;
        if (record instanceof FlowRecord) {
          record.finish();
          this.refused.keep(record, now);
        }
        if (isHeard) channel.offer(record);
      } else if (isHeard && !record.isEnded) channel.offer(record);
    }
  }

  /** Who has just come, or asks for everything, hears of those too that were refused before. */
  tellRefused(channel: Channel): void {
    if (channel.isHeard) this.refused.tell(channel, this.now);
  }

  // ---- FlowKeeper

  get now(): number {
    return this.parts.owner.now;
  }

  micros(ms: number): number {
    return this.parts.owner.micros(ms);
  }

  idOf(entity: object): string {
    return this.parts.owner.idOf(entity);
  }

  flowEnded(flow: FlowRecord): void {
    this.ended(flow);
    if (!this.parts.owner.areFlowsHeard) this.refused.keep(flow, this.now);
  }

  exchangesOf(id: string): ExchangeSink | undefined {
    return this.parts.owner.areFlowsHeard ? new RequestLog(id, this) : undefined;
  }

  requestBegan(parent: string, exchange: HttpExchange): RequestRecord | undefined {
    if (this.suppressed) return undefined;
    const number = this.parts.nextNumber();
    const record = new RequestRecord(number, `${this.parts.source}:${number}`, parent, exchange, this);
    this.slotOf(number).set(number, record);
    return record;
  }

  requestEnded(request: RequestRecord): void {
    request.ended();
    this.ended(request);
  }

  private ended(record: FlowRecord | RequestRecord): void {
    if (this.parts.owner.areFlowsHeard) this.pendingCount++;
    else this.slotOf(record.number).delete(record.number);
  }

  private get suppressed(): boolean {
    if (this.pendingCount >= PENDING_COUNT_MAX) this.isFull = true;
    else if (this.pendingCount < PENDING_COUNT_RESUME) this.isFull = false;
    if (this.isFull) this.leftOutCount++;
    return this.isFull;
  }

  private slotOf(number: number): Map<number, FlowRecord | RequestRecord> {
    return this.slots[number % SLOT_COUNT]!;
  }
}

/** What an observer sees in one flow. */
class RequestLog implements ExchangeSink {
  private readonly parent: string;
  private readonly book: FlowBook;
  private readonly open = new Map<HttpExchange, RequestRecord>();

  constructor(parent: string, book: FlowBook) {
    this.parent = parent;
    this.book = book;
  }

  began(exchange: HttpExchange): void {
    const record = this.book.requestBegan(this.parent, exchange);
    if (record !== undefined) this.open.set(exchange, record);
  }

  ended(exchange: HttpExchange): void {
    const record = this.open.get(exchange);
    if (record === undefined) return;
    this.open.delete(exchange);
    this.book.requestEnded(record);
  }
}
