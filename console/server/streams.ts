/** All streams of events that are open: how many there may be, their heartbeat, and their end with the session that opened them. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { ConsoleRequestError } from './errors.ts';
import { EventStream } from './event-stream.ts';
import { LIMITS } from './limits.ts';
import type { Change } from './pending-changes.ts';

interface Entry {
  stream: EventStream;
  /** Of the session, or whoever else asks. */
  owner: string;
}

export interface StreamOpening {
  response: ServerResponse;
  headers: Readonly<Record<string, string>>;
  owner: string;
  changesText: (changes: readonly Change[]) => string;
  onEnd: () => void;
}

export class Streams {
  readonly #clock: Clock;
  readonly #onCut: () => void;
  readonly #entries = new Set<Entry>();

  constructor({ clock, onCut }: { clock: Clock; onCut: () => void }) {
    this.#clock = clock;
    this.#onCut = onCut;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Owners that have a stream. */
  owners(): Set<string> {
    return new Set([...this.#entries].map(({ owner }) => owner));
  }

  /** To be asked before the answer begins. @throws ConsoleRequestError */
  requirePlace(owner: string): void {
    const ofOwner = [...this.#entries].filter((entry) => entry.owner === owner).length;
    if (this.#entries.size < LIMITS.streamCountMax && ofOwner < LIMITS.streamsPerSessionMax) return;
    throw new ConsoleRequestError(503, 'too-many-streams', 'too many pages look at this console now', 5000);
  }

  open({ owner, onEnd, ...parts }: StreamOpening): EventStream {
    const end = () => {
      this.#entries.delete(entry);
      onEnd();
    };
    const stream = new EventStream({ ...parts, onEnd: end }, this.#clock.now());
    const entry: Entry = { owner, stream };
    this.#entries.add(entry);
    return stream;
  }

  /** To be called every `LIMITS.heartbeatMs`. */
  heartbeat(): void {
    const now = this.#clock.now();
    for (const { stream } of [...this.#entries]) if (!stream.heartbeat(now)) this.#onCut();
  }

  /** Of one owner, or all. */
  end(owner?: string): void {
    for (const entry of [...this.#entries]) if (owner === undefined || entry.owner === owner) entry.stream.end();
  }
}
