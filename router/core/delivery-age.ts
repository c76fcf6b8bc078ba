/**
 * Deliveries that take long (wire reference 9.2, `deliveriesDelayed...`, `deliveriesStuck`): delayed ones are counted when they are over,
 * stuck ones are looked for now and then, so that nothing is spent on one that is quick. A stream may stay open for days: it is
 * neither.
 */
import type { LinkCounters } from '../amqp/engine/link-counters.ts';
import type { DeliveryCounters } from './delivery-counters.ts';
import { STUCK_AFTER_MS, STUCK_SWEEP_MS } from './limits.ts';
import type { LinkEnd } from './link-ends.ts';
import type { Transit } from './transit.ts';

type DelayCounters = Pick<LinkCounters, 'delayed1Sec' | 'delayed10Sec'>;

/** How long a delivery that is over has taken since it came to this router, as the counters class it: 0, 1 or 10 s. */
export function delayOf(transit: Transit, now: number): 0 | 1 | 10 {
  const ageMs = now - transit.since;
  if (ageMs <= 1_000 || transit.windowed) return 0;
  return ageMs > 10_000 ? 10 : 1;
}

export function countDelay(counters: DelayCounters, delay: 0 | 1 | 10): void {
  if (delay === 10) counters.delayed10Sec++;
  else if (delay === 1) counters.delayed1Sec++;
}

/** The gauges of deliveries that are stuck, as they were at the last sweep. */
export class StuckDeliveries {
  /** When the next sweep is due. */
  dueAt: number;
  private readonly counters: DeliveryCounters;
  /** Called with a link that has a stuck delivery and had none. */
  private readonly found: (end: LinkEnd) => void;
  private marked = new Set<LinkEnd['delivery']['link']>();

  constructor(counters: DeliveryCounters, now: number, found: (end: LinkEnd) => void) {
    this.counters = counters;
    this.dueAt = now + STUCK_SWEEP_MS;
    this.found = found;
  }

  /** Counts anew what is stuck, when that is due. */
  sweep(peers: Iterable<{ readonly ends: ReadonlySet<LinkEnd> }>, now: number): void {
    if (now < this.dueAt) return;
    this.dueAt = now + STUCK_SWEEP_MS;
    const before = this.marked;
    this.marked = new Set();
    for (const link of before) link.counters.stuck = 0;
    this.counters.stuck = 0;
    for (const { ends } of peers) {
      for (const end of ends) if (isStuck(end, now)) this.mark(end, before);
    }
  }

  private mark(end: LinkEnd, before: ReadonlySet<unknown>): void {
    const { link } = end.delivery;
    this.counters.stuck++;
    link.counters.stuck++;
    if (this.marked.has(link)) return;
    this.marked.add(link);
    if (!before.has(link)) this.found(end);
  }
}

function isStuck({ transit, isOver }: LinkEnd, now: number): boolean {
  return !isOver && now - transit.since > STUCK_AFTER_MS && !transit.windowed;
}
