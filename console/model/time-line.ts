/** The last events of the network. What happens again soon is one event with a count, unless it says how something is from then on. */
import { EVENT_COUNT_MAX, EVENT_REPEAT_MS } from './limits.ts';
import type { EventView } from './view.ts';

export type Happening = Omit<EventView, 'id' | 'count'>;

/** Up and down in turns are no repetition. */
const STATES = /^(link|site|service)-/;

export class TimeLine {
  private readonly events = new Map<number, EventView>();
  /** The last of each kind. */
  private readonly last = new Map<string, number>();
  private nextId = 1;

  /** The oldest first. */
  all(): EventView[] {
    return [...this.events.values()].sort((a, b) => a.at - b.at || a.id - b.id);
  }

  /** In place of the event of that id, where it is still there. @returns its id from now on */
  put(id: number, happening: Happening, count: number): number {
    const kept = this.events.delete(id) ? id : this.nextId++;
    this.keep({ ...happening, id: kept, count });
    return kept;
  }

  add(happening: Happening): void {
    const key = JSON.stringify([happening.type, happening.site, happening.object, happening.message]);
    const before = this.events.get(this.last.get(key) ?? 0);
    const isAgain =
      before !== undefined && !STATES.test(before.type) && Math.abs(happening.at - before.at) <= EVENT_REPEAT_MS;
    const id = isAgain ? before.id : this.nextId++;
    // What has just happened again is the newest.
    this.events.delete(id);
    this.keep({ ...happening, id, count: isAgain ? before.count + 1 : 1 });
    this.last.delete(key);
    this.last.set(key, id);
    for (const oldest of this.last.keys()) {
      if (this.last.size <= EVENT_COUNT_MAX) break;
      this.last.delete(oldest);
    }
  }

  private keep(event: EventView): void {
    this.events.set(event.id, event);
    for (const oldest of this.events.keys()) {
      if (this.events.size <= EVENT_COUNT_MAX) break;
      this.events.delete(oldest);
    }
  }
}
