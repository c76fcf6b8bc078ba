/** The picture of the network for all pages at once: made into text once for each change, however many look; nobody looks, nothing is done. */
import type { Clock } from '../../lib/clock.ts';
import type { NetworkAnswer } from '../model/api.ts';
import type { NetworkView, SectionChange } from '../model/view.ts';
import { type EventStream, eventText } from './event-stream.ts';
import type { Change } from './pending-changes.ts';
import type { Session } from './sessions.ts';
import type { ConsoleModel } from './uses.ts';

export class NetworkFeed {
  readonly #model: ConsoleModel;
  readonly #clock: Clock;
  readonly #isReadOnly: boolean;
  readonly #streams = new Set<EventStream>();
  #unsubscribe: (() => void) | undefined;

  constructor({ model, clock, isReadOnly }: { model: ConsoleModel; clock: Clock; isReadOnly: boolean }) {
    this.#model = model;
    this.#clock = clock;
    this.#isReadOnly = isReadOnly;
  }

  answer({ user }: Session): NetworkAnswer {
    const view = this.#model.view();
    const readOnly = this.#isReadOnly || !user.mayIssue;
    return { ...view, self: selfOf(view), user: user.name, readOnly, now: this.#clock.wall() };
  }

  /** The whole first, then what changes. */
  add(stream: EventStream, session: Session): void {
    this.#unsubscribe ??= this.#model.subscribe((changes) => this.#changed(changes));
    stream.write(eventText('network', JSON.stringify(this.answer(session))));
    this.#streams.add(stream);
  }

  remove(stream: EventStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  #changed(changes: readonly SectionChange[]): void {
    const text = changesText(changes);
    for (const stream of [...this.#streams]) stream.changed(text, changes);
  }
}

export function changesText(changes: readonly Change[]): string {
  return eventText('changes', JSON.stringify(changes));
}

function selfOf({ sites }: NetworkView): string {
  return sites.find(({ self }) => self)?.id ?? '';
}
