/**
 * The connections that were told of: those that are open, and the last that have ended; and what they add up to, for each pair of
 * listener and connector. Bounded: what is too much is left out.
 */
import { Flow } from './flow.ts';
import { ENDED_FLOW_COUNT_MAX, OPEN_FLOW_COUNT_MAX, PAIR_COUNT_MAX } from './limits.ts';
import { Rate } from './rate.ts';
import type { ToldRecord } from './records.ts';

/** All flows from one listener to one connector; those that reached none have an empty one. */
export class Pair {
  readonly listener: string;
  readonly connector: string;
  openCount = 0;
  refusedCount = 0;
  readonly opened = new Rate();
  readonly octets = new Rate();
  readonly octetsBack = new Rate();

  constructor(listener: string, connector: string) {
    this.listener = listener;
    this.connector = connector;
  }

  isIdle(now: number): boolean {
    const { opened, octets, octetsBack } = this;
    const rates = [opened, octets, octetsBack].map((rate) => rate.perSecond(now));
    return this.openCount === 0 && this.refusedCount === 0 && rates.every((rate) => rate === 0);
  }
}

export interface FlowNews {
  readonly flow: Flow;
  readonly isNew: boolean;
  /** It has ended by what was told now. */
  readonly hasEnded: boolean;
}

export class FlowTable {
  /** When one was not kept last, since there are too many. */
  leftOutAt = Number.NEGATIVE_INFINITY;
  private readonly open = new Map<string, Flow>();
  private readonly ended = new Map<string, Flow>();
  private readonly pairTable = new Map<string, Pair>();

  /**
   * @param isRetold the source tells what it has told before to others: octets came before
   * @returns undefined when it is left out
   */
  tell(source: string, record: ToldRecord, isRetold: boolean, now: number): FlowNews | undefined {
    const known = this.open.get(record.id) ?? this.ended.get(record.id);
    if (known !== undefined && known.source !== source) return undefined;
    if (known === undefined && this.open.size >= OPEN_FLOW_COUNT_MAX) {
      this.leftOutAt = now;
      return undefined;
    }
    const flow = known ?? new Flow(record.id, source);
    const before = { pair: known && this.pairOf(flow), octets: flow.octets, octetsBack: flow.octetsBack };
    const wasEnded = known !== undefined && !this.open.has(record.id);
    flow.tell(record.values);
    flow.heardAt = now;
    this.count(flow, before, isRetold, wasEnded, now);
    const hasEnded = flow.isEnded && !wasEnded;
    if (hasEnded) this.keepEnded(flow);
    else if (!wasEnded) this.open.set(flow.id, flow);
    return { flow, isNew: known === undefined, hasEnded };
  }

  /** The source is gone: what it told as open is not known any more. */
  forget(source: string): void {
    for (const flow of this.open.values()) if (flow.source === source) this.drop(flow);
  }

  /** Open flows that were not told again by `source` since `heardAt`. */
  forgetOlder(source: string, heardAt: number): void {
    for (const flow of this.open.values()) if (flow.source === source && flow.heardAt < heardAt) this.drop(flow);
  }

  /** Nobody listens to flows any more: which are open is not known from now on. */
  clearOpen(): void {
    this.open.clear();
    for (const pair of this.pairTable.values()) pair.openCount = 0;
  }

  /** The newest first, those that are open before the others. */
  *newest(): Iterable<Flow> {
    yield* [...this.open.values()].reverse();
    yield* [...this.ended.values()].reverse();
  }

  pairs(now: number): Pair[] {
    // Refusals are counted as long as there is room.
    const isFull = this.pairTable.size >= PAIR_COUNT_MAX;
    for (const [key, pair] of this.pairTable) {
      if (pair.isIdle(now) || (isFull && pair.openCount === 0)) this.pairTable.delete(key);
    }
    return [...this.pairTable.values()];
  }

  private count(
    flow: Flow,
    before: { pair: Pair | undefined; octets: number; octetsBack: number },
    isRetold: boolean,
    wasEnded: boolean,
    now: number,
  ): void {
    const pair = this.pairOf(flow);
    if (before.pair !== undefined && before.pair !== pair && !wasEnded) before.pair.openCount--;
    if (pair === undefined) return;
    const isFirst = before.pair === undefined;
    if (!wasEnded && (isFirst || before.pair !== pair)) pair.openCount++;
    if (isFirst && !isRetold) pair.opened.add(1, now);
    if (!isFirst || !isRetold) {
      pair.octets.add(Math.max(0, flow.octets - before.octets), now);
      pair.octetsBack.add(Math.max(0, flow.octetsBack - before.octetsBack), now);
    }
    if (!flow.isEnded || wasEnded) return;
    pair.openCount--;
    if (flow.state === 'refused') pair.refusedCount++;
  }

  /** Undefined as long as its listener was not told, or beyond the limit. */
  private pairOf(flow: Flow): Pair | undefined {
    const { listener, connector } = flow;
    if (listener === '') return undefined;
    const key = `${listener} ${connector}`;
    let pair = this.pairTable.get(key);
    if (pair === undefined && this.pairTable.size < PAIR_COUNT_MAX) {
      pair = new Pair(listener, connector);
      this.pairTable.set(key, pair);
    }
    return pair;
  }

  private keepEnded(flow: Flow): void {
    this.open.delete(flow.id);
    this.ended.set(flow.id, flow);
    for (const oldest of this.ended.keys()) {
      if (this.ended.size <= ENDED_FLOW_COUNT_MAX) break;
      this.ended.delete(oldest);
    }
  }

  private drop(flow: Flow): void {
    this.open.delete(flow.id);
    const pair = this.pairOf(flow);
    if (pair !== undefined) pair.openCount--;
  }
}
