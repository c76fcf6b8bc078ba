/**
 * Which events `events -f` prints, and when: each once what the two ends have told of it is together, and again now and then while it goes on
 * to happen. Pure.
 */
import type { EventView } from '../../console/model/view.ts';

/** Until routers of both ends have told. */
const SETTLE_MS = 1000;
const AGAIN_MS = 10_000;
/** More than a time line holds. */
const TOLD_COUNT_MAX = 5000;

export class EventTeller {
  /** By id, what is to be printed and from when on. */
  private readonly waiting = new Map<number, { event: EventView; from: number }>();
  /** By id, when it was printed last. */
  private readonly told = new Map<number, number>();

  heard(event: EventView, now: number): void {
    const toldAt = this.told.get(event.id);
    const from = this.waiting.get(event.id)?.from ?? (toldAt === undefined ? now + SETTLE_MS : toldAt + AGAIN_MS);
    this.waiting.set(event.id, { event, from });
  }

  /** In the order in which they happened. */
  due(now: number): EventView[] {
    const due = [...this.waiting.values()].filter(({ from }) => from <= now).map(({ event }) => event);
    for (const { id } of due) {
      this.waiting.delete(id);
      this.told.delete(id);
      this.told.set(id, now);
    }
    for (const oldest of this.told.keys()) {
      if (this.told.size <= TOLD_COUNT_MAX) break;
      this.told.delete(oldest);
    }
    return due.sort((a, b) => a.at - b.at || a.id - b.id);
  }
}
